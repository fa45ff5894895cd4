import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DecisionInput, decide, type Outcome, quotaOf } from '../../src/sending/decide.js';
import {
  backoffMs,
  defaultRetryPolicy,
  nextAfterFailure,
  urgentPolicy,
} from '../../src/sending/retry-policy.js';
import { classifyErrcode, errorCodes } from '../../src/wechat/out/errors.js';

const now = new Date('2026-01-01T15:00:00Z');
const input: DecisionInput = {
  policy: defaultRetryPolicy,
  failures: 0,
  tokenIsFresh: false,
  mediaIsRenewable: false,
  about: 'account',
  windowEndsAt: new Date(now.getTime() + 48 * 3_600_000),
  onUnknown: 'resend',
  now,
  random: 0.5,
};
const refused = (errcode: number): Outcome => ({
  kind: 'refused',
  httpStatus: 200,
  errcode,
  errmsg: 'no',
  errorClass: classifyErrcode(errcode),
});

describe('what follows an attempt', () => {
  test.each([
    [
      'success',
      { kind: 'sent', httpStatus: 200, errmsg: 'ok' } as Outcome,
      {},
      { outcome: 'sent', status: 'sent' },
    ],
    ['system busy', refused(-1), {}, { outcome: 'transient', status: 'pending', failures: 1, delayMs: 500 }],
    [
      'no connection',
      { kind: 'transient', errmsg: 'refused' } as Outcome,
      {},
      { outcome: 'transient', status: 'pending', failures: 1 },
    ],
    [
      'a stale token',
      refused(40001),
      {},
      { outcome: 'token', status: 'pending', failures: 0, delayMs: undefined },
    ],
    [
      'a fresh token refused',
      refused(40001),
      { tokenIsFresh: true },
      { outcome: 'transient', status: 'pending', failures: 1 },
    ],
    [
      'the minute quota',
      refused(45011),
      {},
      {
        outcome: 'throttled',
        status: 'pending',
        failures: 0,
        pause: { reason: 'minute_quota', forMs: 60_000 },
      },
    ],
    // 15:00 UTC is 23:00 in Shanghai.
    [
      'the daily quota',
      refused(45009),
      {},
      {
        outcome: 'throttled',
        status: 'pending',
        failures: 0,
        pause: { reason: 'daily_quota', forMs: 3_600_000 },
      },
    ],
    [
      'an IP off the allowlist',
      refused(40164),
      {},
      { status: 'pending', failures: 0, pause: { reason: 'account', forMs: 300_000 } },
    ],
    [
      'a permission that one kind of message lacks',
      refused(48001),
      { about: 'message' as const },
      { outcome: 'permanent', status: 'failed', failures: 0, pause: undefined, restStatus: undefined },
    ],
    [
      'an upload that WeChat has forgotten',
      refused(40007),
      { mediaIsRenewable: true },
      { outcome: 'transient', status: 'pending', failures: 0, delayMs: undefined, renew: 'media' },
    ],
    ['a media_id of the reply logic’s own', refused(40007), {}, { outcome: 'permanent', status: 'failed' }],
    [
      'a message refused',
      refused(45002),
      {},
      { outcome: 'permanent', status: 'failed', restStatus: undefined },
    ],
    [
      'a user who left',
      refused(43004),
      { about: 'message' as const },
      { outcome: 'permanent', status: 'failed', restStatus: 'failed' },
    ],
    [
      'users who are all said to be frozen',
      refused(50002),
      {},
      { status: 'pending', failures: 0, pause: { reason: 'account', forMs: 300_000 }, restStatus: undefined },
    ],
    [
      'a closed window',
      refused(45015),
      {},
      { outcome: 'permanent', status: 'expired', restStatus: 'expired' },
    ],
    [
      'a code unknown to the table',
      refused(99999),
      {},
      { outcome: 'transient', status: 'pending', failures: 1 },
    ],
    [
      'a code unknown for the fifth time',
      refused(99999),
      { failures: 4 },
      { status: 'failed', failures: 5, errcode: 99999 },
    ],
    ['the last of many failures', refused(-1), { failures: 19 }, { status: 'failed', failures: 20 }],
    [
      'an unknown outcome',
      { kind: 'unknown', errmsg: 'reset' } as Outcome,
      {},
      { outcome: 'unknown', status: 'pending', failures: 1 },
    ],
    [
      'an unknown outcome to be held',
      { kind: 'unknown', errmsg: 'reset' } as Outcome,
      { onUnknown: 'hold' as const },
      { outcome: 'unknown', status: 'unknown' },
    ],
    [
      'an answer that cannot be read',
      { kind: 'unknown', errmsg: '<html>', unreadable: true } as Outcome,
      { failures: 1 },
      { outcome: 'unknown', status: 'pending', failures: 2 },
    ],
    [
      'the third answer that cannot be read',
      { kind: 'unknown', errmsg: '<html>', unreadable: true } as Outcome,
      { failures: 2 },
      { outcome: 'unknown', status: 'unknown', failures: 2 },
    ],
    [
      'the quota of uploads',
      { kind: 'upload-quota', errcode: 45009, errmsg: '', forMs: 60_000 } as Outcome,
      {},
      { status: 'pending', failures: 0, delayMs: 60_000, pause: undefined },
    ],
  ])('%s', (_name, outcome, overrides, expected) => {
    expect(decide(outcome, { ...input, ...overrides })).toMatchObject(expected);
  });

  test.each(errorCodes.filter(({ errorClass }) => errorClass === 'account'))(
    'lets the account rest where the refusal is about it, and fails the message where it is not: $errcode, $reason',
    ({ errcode }) => {
      const pause = { reason: 'account' };
      expect(decide(refused(errcode), input)).toMatchObject({ status: 'pending', failures: 0, pause });
      const ofMessage = decide(refused(errcode), { ...input, about: 'message' });
      expect(ofMessage).toMatchObject({ status: 'failed', pause: undefined, restStatus: undefined });
    },
  );

  test.each(errorCodes.filter(({ errorClass }) => errorClass === 'throttled'))(
    'lets the account rest until its quota begins anew: $errcode, $reason',
    ({ errcode }) => {
      const pause = [44990, 44991, 45011].includes(errcode)
        ? { reason: 'minute_quota', forMs: 60_000 }
        : { reason: 'daily_quota', forMs: 3_600_000 };
      expect(decide(refused(errcode), input)).toMatchObject({ status: 'pending', failures: 0, pause });
    },
  );

  test.each([
    [89506, 24 * 3_600_000],
    [89507, 3_600_000],
  ])('waits as long as the administrator said: %i', (errcode, forMs) => {
    expect(decide(refused(errcode), input).pause).toEqual({ reason: 'account', forMs });
  });

  test('never waits past the end of the reply window', () => {
    const anyOutcome = fc.oneof(
      fc.integer({ min: -1, max: 90_000 }).map(refused),
      fc.constant<Outcome>({ kind: 'unknown', errmsg: '' }),
    );
    fc.assert(
      fc.property(
        anyOutcome,
        fc.nat(100_000),
        fc.nat(30),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (outcome, leftMs, failures, random) => {
          const windowEndsAt = new Date(now.getTime() + leftMs);
          const decision = decide(outcome, { ...input, windowEndsAt, failures, random });
          const { status, pause, delayMs = 0 } = decision;
          // A pause is the account's: an operator may end it at any time, and then the API decides.
          if (status === 'pending' && !pause) expect(delayMs).toBeLessThan(Math.max(leftMs, 1));
        },
      ),
    );
  });
});

describe('backoff', () => {
  test('is at most 1, 2, 4 … s, then ten minutes', () => {
    const ceilings = [1, 2, 3, 4, 10, 11, 30].map((failures) => backoffMs(defaultRetryPolicy, failures, 1));
    expect(ceilings).toEqual([1_000, 2_000, 4_000, 8_000, 512_000, 600_000, 600_000]);
  });

  test('is at most 0.5, 1, 2, 4, then 5 s where the window is of minutes', () => {
    const policy = urgentPolicy(defaultRetryPolicy);
    const ceilings = [1, 2, 3, 4, 5, 6].map((failures) => backoffMs(policy, failures, 1));
    expect(ceilings).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  test('is spread over the whole range', () => {
    expect(backoffMs(defaultRetryPolicy, 3, 0)).toBe(0);
    expect(backoffMs(defaultRetryPolicy, 3, 0.25)).toBe(1_000);
  });

  test('goes on without a known window', () => {
    expect(
      nextAfterFailure(defaultRetryPolicy, {
        failures: 1,
        listed: true,
        windowEndsAt: undefined,
        now,
        random: 0.5,
      }),
    ).toEqual({ kind: 'retry', delayMs: 500 });
  });
});

test('a quota lasts as long as the table of codes tells people', () => {
  const throttled = errorCodes.filter(({ errorClass }) => errorClass === 'throttled');
  expect(throttled.length).toBeGreaterThan(3);
  for (const { errcode, remedy } of throttled) {
    const { reason } = quotaOf(errcode, now);
    expect(/\bminute\b/.test(remedy.en) ? 'minute_quota' : 'daily_quota', String(errcode)).toBe(reason);
  }
});
