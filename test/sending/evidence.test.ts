import { describe, expect, test } from 'vitest';
import { createEvidence } from '../../src/sending/evidence.js';

const minuteMs = 60_000;
const send = (msgtype: string, { probes = 0, content = 'hello', openid = 'oUser' } = {}) =>
  ({
    call: 'send',
    payload: { msgtype, [msgtype]: { content } },
    openid,
    probes: probes || undefined,
  }) as const;
const to = (openid: string) => send('text', { openid });

function create() {
  let time = 0;
  const evidence = createEvidence(() => time);
  return { evidence, pass: (ms: number) => (time += ms) };
}

describe('a refusal with a code of class account', () => {
  test.each([40125, 40164, 40243, 89503, 50007])(
    'is about the account where the code says so: %i',
    (errcode) => {
      expect(create().evidence.judge('wx0', errcode, send('image'))).toBe('account');
    },
  );

  test('is about the account where no token is had, or a plain text is refused', () => {
    const { evidence } = create();
    expect(evidence.judge('wx0', 40013, { call: 'token' })).toBe('account');
    expect(evidence.judge('wx0', 48001, send('text'))).toBe('account');
    expect(evidence.judge('wx1', 40013, send('text'))).toBe('account');
  });

  test('is about the message where a text names a mini program', () => {
    const link = '<a data-miniprogram-appid="wx2" data-miniprogram-path="index">shop</a>';
    expect(create().evidence.judge('wx0', 40013, send('text', { content: link }))).toBe('message');
  });

  test.each([40013, 48001])(
    'is about the message where one kind alone is refused, however often: %i',
    (errcode) => {
      const { evidence } = create();
      const judged = Array.from({ length: 5 }, () => evidence.judge('wx0', errcode, send('miniprogrampage')));
      expect(new Set(judged)).toEqual(new Set(['message']));
    },
  );

  test('is about the account as soon as another kind is refused alike within minutes', () => {
    const { evidence, pass } = create();
    expect(evidence.judge('wx0', 48001, send('miniprogrampage'))).toBe('message');
    expect(evidence.judge('wx1', 48001, send('wxcard'))).toBe('message');
    expect(evidence.judge('wx0', 40013, send('wxcard'))).toBe('message');
    pass(6 * minuteMs);
    expect(evidence.judge('wx0', 48001, send('wxcard'))).toBe('message');
    pass(minuteMs);
    expect(evidence.judge('wx0', 48001, send('miniprogrampage'))).toBe('account');
  });

  test('is about the messages where others were accepted in between', () => {
    const { evidence } = create();
    evidence.judge('wx0', 48001, send('miniprogrampage'));
    evidence.accepted('wx0');
    expect(evidence.judge('wx0', 48001, send('wxcard'))).toBe('message');
  });

  test('leaves an account at rest where the probe meets what it rests for, and nothing else does', () => {
    const { evidence } = create();
    expect(evidence.judge('wx0', 48001, send('miniprogrampage', { probes: 48001 }))).toBe('account');
    // It rested for its quota: that a mini program is not linked is the message's own trouble.
    expect(evidence.judge('wx1', 40013, send('miniprogrampage', { probes: 45011 }))).toBe('message');
  });

  test.each([48001, 48004, 45102, 61007, 50003, 45034])(
    'is about what is uploaded where the upload is not permitted: %i',
    (errcode) => {
      expect(create().evidence.judge('wx0', errcode, { call: 'upload' })).toBe('message');
    },
  );

  test.each([40164, 43003, 50007])(
    'is about the account where it says so of an upload, too: %i',
    (errcode) => {
      expect(create().evidence.judge('wx0', errcode, { call: 'upload' })).toBe('account');
    },
  );
});

describe('a refusal that says that a user is frozen', () => {
  test('is about the user, however often that user is written to', () => {
    const { evidence } = create();
    const judged = Array.from({ length: 5 }, () => evidence.judge('wx0', 50002, to('o1')));
    expect(new Set(judged)).toEqual(new Set(['message']));
  });

  test('is about the account where three users are within minutes, and nobody else was sent anything', () => {
    const { evidence, pass } = create();
    const judge = (openid: string) => evidence.judge('wx0', 50002, to(openid));
    expect([judge('o1'), judge('o2')]).toEqual(['message', 'message']);
    pass(6 * minuteMs);
    expect([judge('o3'), judge('o4')]).toEqual(['message', 'message']);
    evidence.accepted('wx0');
    expect([judge('o5'), judge('o6'), judge('o7')]).toEqual(['message', 'message', 'account']);
  });

  test('leaves an account at rest that rests for this, by one probe', () => {
    const { evidence } = create();
    expect(evidence.judge('wx0', 50002, send('text', { probes: 50002 }))).toBe('account');
    expect(evidence.judge('wx1', 50002, send('text', { probes: 40164 }))).toBe('message');
  });

  test('of another kind is about the user, whoever else is refused so', () => {
    const { evidence } = create();
    expect(['o1', 'o2', 'o3', 'o4'].map((openid) => evidence.judge('wx0', 43004, to(openid)))).toEqual(
      Array(4).fill('message'),
    );
  });
});
