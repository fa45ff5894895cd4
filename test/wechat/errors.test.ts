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

  test('says of each code about the account whether it alone is evidence, and of no other', () => {
    for (const { errcode, errorClass, evidence } of errorCodes) {
      expect(evidence !== undefined, String(errcode)).toBe(errorClass === 'account');
    }
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
