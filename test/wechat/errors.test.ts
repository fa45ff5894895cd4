import { describe, expect, test } from 'vitest';
import { classifyErrcode, describeErrcode, errorCodes, errorReason } from '../../src/wechat/out/errors.js';

describe('the table of return codes', () => {
  test('knows each code once, with what a person can do', () => {
    expect(new Set(errorCodes.map(({ errcode }) => errcode)).size).toBe(errorCodes.length);
    for (const { errcode, reason, remedy } of errorCodes) {
      expect(reason.en, String(errcode)).toMatch(/\S/);
      expect(remedy.en, String(errcode)).toMatch(/^[A-Z].*\.$/);
      expect(remedy['zh-CN'], String(errcode)).toMatch(/\p{Script=Han}.*。$/u);
      expect(reason['zh-CN'], String(errcode)).toMatch(/\p{Script=Han}.*[^。]$/u);
    }
  });

  test('says of each code about the account whether it alone is evidence, and of no other but one', () => {
    for (const { errcode, errorClass, evidence } of errorCodes) {
      expect(evidence !== undefined, String(errcode)).toBe(errorClass === 'account' || errcode === 50002);
      expect(evidence === 'several-users', String(errcode)).toBe(errcode === 50002);
    }
  });

  // Of the reference: every code that a call of ours may bring, or an agent or reply logic may meet.
  test.each<[string, string]>([
    ['token', '40001 40014 41001 42001 48012'],
    ['transient', '-1 46007 61450 268487001 268487002'],
    ['throttled', '44990 44991 45009 45011 45040 45101 45104'],
    ['media', '40007 46001'],
    ['user', '40003 43004 43006 43019 43101 45047 46004 48002 49003 50002 50005 70000'],
    ['window', '45015'],
    [
      'permanent',
      `40004 40005 40006 40008 40009 40010 40011 40012 40031 40032 40033 40035 40036 40037 40039 40048 40062 40066 40068 40113
       40118 40121 40128 40137 40155 40160 40165 40166 40168 40213 40214 40249 41005 41006 41030 43116 44001 44002 44003 44004
       44005 44006 45001 45002 45003 45004 45005 45006 45007 45008 45050 45064 45068 45086 45098 45099 45162 45166 47001 47002
       47003 48008 65401 65402 65403 65404 65405 65406 65407 65408 65409 65410 65411 65412 65413 65414 65415 65416 65417 87009
       87014 40029 40030 40163 41008 42002 42003 42007 45056 45057 45058 45059 45072 45080 45081 45157 45158 45159 45169 45171
       48005 48006 48010 61451 61452 61453 61454 61455 61456 61457 76001 76002 76003 76004 76021 76022`,
    ],
    [
      'account',
      `40002 40013 40125 40132 40164 40200 40243 41002 41004 43001 43002 43003 45034 45035 45087 45094 45102 45103 45109 45501
       46101 48001 48003 48004 48009 50001 50003 50004 50007 61003 61004 61007 61016 61017 61023 61024 65400 89501 89502 89503
       89504 89505 89506 89507`,
    ],
  ])('knows the codes of class %s', (errorClass, codes) => {
    const known = codes.split(/\s+/).map((code) => [code, classifyErrcode(Number(code))]);
    expect(known.filter(([, found]) => found !== errorClass)).toEqual([]);
  });

  test.each([
    // Never taken for this body: they fail at once.
    ...[45162, 40165, 40166, 40168, 45166, 87014, 40137, 40213, 45098, 47003, 48008].map(
      (errcode) => [errcode, 'permanent', 'message'] as const,
    ),
    [-1, 'transient', 'platform'],
    [40001, 'token', 'account'],
    [45009, 'throttled', 'api'],
    [45011, 'throttled', 'api'],
    [44991, 'throttled', 'api'],
    [50002, 'user', 'user'],
    [70000, 'user', 'user'],
    [40003, 'user', 'user'],
    [45015, 'window', 'user'],
    [43003, 'account', 'account'],
    [40243, 'account', 'account'],
    [40164, 'account', 'account'],
    [89506, 'account', 'account'],
    [65400, 'account', 'api'],
    [48001, 'account', 'api'],
    [45087, 'account', 'account'],
  ] as const)('has %i as %s, about this %s', (errcode, errorClass, scope) => {
    expect(classifyErrcode(errcode)).toBe(errorClass);
    expect(describeErrcode(errcode)).toMatchObject({
      class: errorClass,
      scope,
      reason: errorReason(errcode),
    });
  });

  test('does not take a refusal of one kind of message for one of the account', () => {
    for (const errcode of [40013, 48001, 65400]) {
      expect(describeErrcode(errcode)).toMatchObject({ evidence: 'maybe-account' });
    }
    for (const errcode of [40125, 40164, 40243, 50007, 43003]) {
      expect(describeErrcode(errcode)).toMatchObject({ evidence: 'account' });
    }
  });

  test('names the remedy of what people meet first', () => {
    expect(describeErrcode(48001)?.remedy).toContain('the customer-service API is not open to it');
    expect(describeErrcode(40243)?.remedy).toContain('Unfreeze');
    expect(describeErrcode(40164)?.remedy).toContain('allowlist');
    expect(describeErrcode(45015)?.reason).toContain('has left');
  });

  test('says it in Chinese to those who ask for it', () => {
    expect(describeErrcode(48001, 'zh-CN')).toMatchObject({
      reason: '公众号没有这个接口的权限',
      remedy: expect.stringContaining('微信认证'),
    });
    expect(errorReason(40164, 'zh-CN')).toBe('本机 IP 不在公众号的 IP 白名单里');
  });

  test('knows nothing of a code that it does not have', () => {
    expect(describeErrcode(99_999)).toBeUndefined();
    expect(classifyErrcode(99_999)).toBeUndefined();
  });
});
