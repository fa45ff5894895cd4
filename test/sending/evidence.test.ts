import { describe, expect, test } from 'vitest';
import { createEvidence } from '../../src/sending/evidence.js';

const minuteMs = 60_000;
const send = (msgtype: string, isProbe = false, content = 'hello') =>
  ({ call: 'send', payload: { msgtype, [msgtype]: { content } }, isProbe }) as const;

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
    expect(create().evidence.judge('wx0', 40013, send('text', false, link))).toBe('message');
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

  test('leaves an account at rest that was let through once to see', () => {
    expect(create().evidence.judge('wx0', 48001, send('miniprogrampage', true))).toBe('account');
  });

  test('is about what is uploaded where the upload is not permitted', () => {
    const { evidence } = create();
    expect(evidence.judge('wx0', 48001, { call: 'upload' })).toBe('message');
    expect(evidence.judge('wx0', 40164, { call: 'upload' })).toBe('account');
  });
});
