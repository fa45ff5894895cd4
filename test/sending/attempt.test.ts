import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { beginDelivery, type Step, step } from '../../src/sending/attempt.js';
import type {
  AttemptEffect,
  AttemptEvent,
  AttemptRecord,
  AttemptRules,
  Moment,
} from '../../src/sending/attempt-state.js';
import type { Outcome } from '../../src/sending/decide.js';
import { defaultRetryPolicy } from '../../src/sending/retry-policy.js';
import { classifyErrcode } from '../../src/wechat/out/errors.js';

const now = new Date('2026-01-01T15:00:00Z');
const at: Moment = { now, random: 0.5 };
const startedAt = new Date(now.getTime() - 100);

const rules: AttemptRules = {
  policy: defaultRetryPolicy,
  onUnknown: 'resend',
  windowEndsAt: new Date(now.getTime() + 3_600_000),
  waitsUntil: new Date(now.getTime() + 3_600_000),
  isProbe: false,
  isLast: true,
  bindsRest: true,
};
const fresh = { attempts: 0, failures: 0, attemptStartedAt: undefined };

const sent: Outcome = { kind: 'sent', httpStatus: 200, errmsg: 'ok' };
const refused = (errcode: number): Outcome => ({
  kind: 'refused',
  httpStatus: 200,
  errcode,
  errmsg: 'no',
  errorClass: classifyErrcode(errcode),
});

const prepared: AttemptEvent = { kind: 'prepared', hasUploads: false };
const admitted: AttemptEvent = { kind: 'admitted' };
const begun: AttemptEvent = { kind: 'begun', isStale: false };
const recorded: AttemptEvent = { kind: 'recorded', isHeld: true };
const answered = (outcome: Outcome, about: 'account' | 'message' = 'message'): AttemptEvent => ({
  kind: 'responded',
  outcome,
  about,
  startedAt,
  at,
});

/** What is asked for, event after event. */
function follow(first: Step, ...events: AttemptEvent[]): AttemptEffect[] {
  const effects = [first.effect];
  let { state } = first;
  for (const event of events) {
    const next = step(state, event);
    state = next.state;
    effects.push(next.effect);
  }
  return effects;
}

const start = (
  overrides: Partial<AttemptRules> = {},
  delivery: Parameters<typeof beginDelivery>[1] = fresh,
) => beginDelivery({ ...rules, ...overrides }, delivery, undefined, at);

const kinds = (effects: readonly AttemptEffect[]) => effects.map(({ kind }) => kind);
const last = (effects: readonly AttemptEffect[]) => effects.at(-1);

function recordOf(effects: readonly AttemptEffect[]): AttemptRecord {
  const record = effects.findLast(({ kind }) => kind === 'record');
  if (record?.kind !== 'record') throw new Error('nothing was recorded');
  return record.record;
}

describe('a delivery', () => {
  test('is prepared, admitted, begun, called and recorded, and closes its message where it is the last', () => {
    const effects = follow(start(), prepared, admitted, begun, answered(sent), recorded);
    expect(kinds(effects)).toEqual(['prepare', 'admit', 'begin', 'call', 'record', 'done']);
    expect(recordOf(effects)).toMatchObject({
      attempt: 1,
      closes: true,
      call: { outcome: 'sent', startedAt },
    });
    expect(last(effects)).toEqual({ kind: 'done', end: { kind: 'closed' } });
  });

  test('that others follow ends alone', () => {
    const effects = follow(start({ isLast: false }), prepared, admitted, begun, answered(sent), recorded);
    expect(recordOf(effects)).toMatchObject({ closes: false, restStatus: undefined });
    expect(last(effects)).toEqual({ kind: 'done', end: { kind: 'final' } });
  });

  test('stored as begun with the plan is called at once, by the same number', () => {
    const first = beginDelivery(rules, { ...fresh, attempts: 1 }, { isStale: false }, at);
    const effects = follow(first, answered(sent), recorded);
    expect(kinds(effects)).toEqual(['call', 'record', 'done']);
    expect(recordOf(effects).attempt).toBe(1);
  });

  test('gets another try later, by the policy', () => {
    const effects = follow(start(), prepared, admitted, begun, answered(refused(-1)), recorded);
    expect(last(effects)).toEqual({ kind: 'done', end: { kind: 'later', delayMs: 500 } });
  });

  test('whose user or window is refused takes what is behind it along, unless an operator forced that', () => {
    const path = [prepared, admitted, begun, answered(refused(45015)), recorded];
    const effects = follow(start({ isLast: false }), ...path);
    expect(recordOf(effects)).toMatchObject({ closes: true, restStatus: 'expired' });
    expect(last(effects)).toEqual({ kind: 'done', end: { kind: 'closed' } });
    const forced = follow(start({ isLast: false, bindsRest: false }), ...path);
    expect(recordOf(forced)).toMatchObject({ closes: false, restStatus: undefined });
  });

  test('is lost with the lane, whatever the answer', () => {
    const effects = follow(start(), prepared, admitted, begun, answered(sent), {
      kind: 'recorded',
      isHeld: false,
    });
    expect(last(effects)).toEqual({ kind: 'done', end: { kind: 'lost' } });
  });
});

describe('leave', () => {
  test('that grew old before the call is asked for again, for the same attempt', () => {
    const stale: AttemptEvent = { kind: 'begun', isStale: true };
    const effects = follow(start(), prepared, admitted, stale, begun, { kind: 'unwritten' }, begun);
    expect(effects.filter(({ kind }) => kind === 'begin')).toEqual(
      Array(3).fill({ kind: 'begin', attempt: 1 }),
    );
    expect(kinds(effects)).toEqual(['prepare', 'admit', 'begin', 'begin', 'call', 'begin', 'call']);
  });

  test('that came late along with the plan is asked for again', () => {
    const first = beginDelivery(rules, { ...fresh, attempts: 1 }, { isStale: true }, at);
    expect(first.effect).toEqual({ kind: 'begin', attempt: 1 });
  });

  test('that is refused for an attempt that was never begun leaves nothing behind', () => {
    const effects = follow(start(), prepared, admitted, { kind: 'refused', at });
    expect(kinds(effects)).toEqual(['prepare', 'admit', 'begin', 'done']);
  });

  test('that is refused for one on record as begun gives it a row: it was not made', () => {
    const effects = follow(
      start(),
      ...[prepared, admitted, begun],
      { kind: 'unwritten' },
      { kind: 'refused', at },
      recorded,
    );
    expect(recordOf(effects)).toMatchObject({
      attempt: 1,
      call: { outcome: 'transient' },
      decision: { status: 'pending', failures: 0 },
    });
    expect(last(effects)).toEqual({ kind: 'done', end: { kind: 'lost' } });
  });
});

describe('what WeChat refused and can be had anew', () => {
  test('a token is had anew once, and the attempt made again at once', () => {
    const again = [prepared, admitted, begun];
    const effects = follow(
      start(),
      ...again,
      ...[answered(refused(40001)), recorded],
      ...again,
      ...[answered(refused(40001)), recorded],
    );
    expect(effects[4]).toMatchObject({ kind: 'record', record: { decision: { outcome: 'token' } } });
    expect(effects[5]).toEqual({ kind: 'prepare', renew: 'token' });
    expect(effects[7]).toEqual({ kind: 'begin', attempt: 2 });
    expect(last(effects)).toMatchObject({ kind: 'done', end: { kind: 'later' } });
  });

  test('a media_id is had anew once, where a file is behind it', () => {
    const again: AttemptEvent[] = [{ kind: 'prepared', hasUploads: true }, admitted, begun];
    const effects = follow(
      start(),
      ...again,
      ...[answered(refused(40007)), recorded],
      ...again,
      ...[answered(refused(40007)), recorded],
    );
    expect(effects[5]).toEqual({ kind: 'prepare', renew: 'media' });
    expect(recordOf(effects).decision).toMatchObject({ status: 'failed', errcode: 40007 });
  });
});

describe('an attempt of a worker that died', () => {
  const lost = { attempts: 3, failures: 1, attemptStartedAt: startedAt };

  test('is on record as unknown before the next one', () => {
    const effects = follow(start({}, lost), recorded, prepared, admitted);
    expect(effects[0]).toMatchObject({
      kind: 'record',
      record: { attempt: 3, call: { outcome: 'unknown', startedAt, finishedAt: now }, closes: false },
    });
    expect(last(effects)).toEqual({ kind: 'begin', attempt: 4 });
  });

  test('is left to an operator where that is set', () => {
    const effects = follow(start({ onUnknown: 'hold' }, lost), recorded);
    expect(recordOf(effects)).toMatchObject({ decision: { status: 'unknown' }, closes: true });
  });
});

describe('a response that cannot be read', () => {
  const unreadable: Outcome = { kind: 'unknown', httpStatus: 200, errmsg: '<html>', unreadable: true };
  const statusAfter = (failures: number, outcome: Outcome = unreadable) =>
    recordOf(follow(start({}, { ...fresh, failures }), prepared, admitted, begun, answered(outcome))).decision
      .status;

  test('is followed by two more sends at most, then left to an operator', () => {
    expect([0, 1, 2, 3].map((failures) => statusAfter(failures))).toEqual([
      'pending',
      'pending',
      'unknown',
      'unknown',
    ]);
  });

  test('is told from none at all', () => {
    expect(statusAfter(5, { kind: 'unknown', errmsg: 'reset' })).toBe('pending');
  });
});

describe('an account that rests', () => {
  const path = [prepared, admitted, begun];

  test('is paused by what is about it, and the message waits without a failure', () => {
    const effects = follow(start(), ...path, answered(refused(48001), 'account'), recorded);
    expect(recordOf(effects).decision).toMatchObject({
      pause: { reason: 'account' },
      status: 'pending',
      failures: 0,
    });
    expect(last(effects)).toEqual({ kind: 'done', end: { kind: 'paused' } });
  });

  test('is not paused by what is about one message', () => {
    const effects = follow(start(), ...path, answered(refused(48001), 'message'), recorded);
    expect(recordOf(effects).decision).toMatchObject({ pause: undefined, status: 'failed', errcode: 48001 });
  });

  test('is woken by any answer to its probe that is not about it', () => {
    const resumes = (answer: AttemptEvent) =>
      recordOf(follow(start({ isProbe: true }), ...path, answer)).resumes;
    expect(resumes(answered(sent))).toBe(true);
    expect(resumes(answered(refused(45002)))).toBe(true);
    expect(resumes(answered(refused(48001), 'account'))).toBe(false);
    expect(resumes(answered(refused(-1)))).toBe(false);
    expect(resumes(answered({ kind: 'transient', errmsg: 'no connection' }))).toBe(false);
  });

  test('keeps what is within its window waiting, and ends what is past it without a call', () => {
    const resting: AttemptEvent = { kind: 'resting', at };
    expect(last(follow(start(), resting))).toEqual({ kind: 'done', end: { kind: 'paused' } });
    expect(last(follow(start(), prepared, resting))).toEqual({ kind: 'done', end: { kind: 'paused' } });
    const over = follow(start({ waitsUntil: now, isLast: false }), resting, recorded);
    expect(recordOf(over)).toMatchObject({
      decision: { status: 'expired' },
      call: undefined,
      closes: true,
      restStatus: 'expired',
    });
    expect(last(follow(start({ waitsUntil: undefined }), resting))).toEqual({
      kind: 'done',
      end: { kind: 'paused' },
    });
  });
});

describe('a quota of uploads', () => {
  const unprepared = (forMs: number): AttemptEvent => ({
    kind: 'unprepared',
    wanting: 'media',
    outcome: { kind: 'upload-quota', errcode: 45009, errmsg: 'used up', forMs },
    about: 'message',
    at,
  });

  test('puts off what needs an upload, and pauses nothing', () => {
    const effects = follow(start(), unprepared(60_000), recorded);
    expect(recordOf(effects).decision).toMatchObject({ pause: undefined, failures: 0, status: 'pending' });
    expect(last(effects)).toEqual({ kind: 'done', end: { kind: 'later', delayMs: 60_000 } });
  });

  test('that outlasts the window ends it, and not what is behind it', () => {
    const effects = follow(start({ isLast: false }), unprepared(3_600_000), recorded);
    expect(recordOf(effects)).toMatchObject({ decision: { status: 'expired' }, restStatus: undefined });
    expect(last(effects)).toEqual({ kind: 'done', end: { kind: 'final' } });
  });
});

/** Everything that may happen after an effect. */
const moments = fc.record({
  now: fc.integer({ min: 0, max: 7_200_000 }).map((ms) => new Date(now.getTime() + ms)),
  random: fc.double({ min: 0, max: 0.999, noNaN: true }),
});
const abouts = fc.constantFrom('account' as const, 'message' as const);
const outcomes: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant(sent),
  fc.constantFrom(-1, 40001, 40007, 45009, 45011, 45015, 43004, 48001, 45002, 99_999).map(refused),
  fc.constant<Outcome>({ kind: 'transient', errmsg: '' }),
  fc.record({ kind: fc.constant('unknown' as const), errmsg: fc.constant(''), unreadable: fc.boolean() }),
);
const always = fc.oneof(
  fc.constant<AttemptEvent>({ kind: 'stopping' }),
  moments.map<AttemptEvent>((moment) => ({ kind: 'resting', at: moment })),
);
const eventsAfter: Record<Exclude<AttemptEffect['kind'], 'done'>, fc.Arbitrary<AttemptEvent>> = {
  prepare: fc.oneof(
    {
      arbitrary: fc.boolean().map<AttemptEvent>((hasUploads) => ({ kind: 'prepared', hasUploads })),
      weight: 6,
    },
    {
      arbitrary: fc
        .record({ outcome: outcomes, about: abouts, at: moments })
        .filter(({ outcome }) => outcome.kind !== 'sent')
        .map<AttemptEvent>((more) => ({ kind: 'unprepared', wanting: 'media', ...more })),
      weight: 1,
    },
    { arbitrary: always, weight: 1 },
  ),
  admit: fc.oneof({ arbitrary: fc.constant(admitted), weight: 6 }, { arbitrary: always, weight: 1 }),
  begin: fc.oneof(
    { arbitrary: fc.boolean().map<AttemptEvent>((isStale) => ({ kind: 'begun', isStale })), weight: 4 },
    { arbitrary: moments.map<AttemptEvent>((moment) => ({ kind: 'refused', at: moment })), weight: 1 },
  ),
  call: fc.oneof(
    {
      arbitrary: fc
        .record({ outcome: outcomes, about: abouts, at: moments })
        .map<AttemptEvent>((more) => ({ kind: 'responded', startedAt, ...more })),
      weight: 4,
    },
    { arbitrary: fc.constant<AttemptEvent>({ kind: 'unwritten' }), weight: 1 },
  ),
  record: fc.oneof(
    { arbitrary: fc.constant(recorded), weight: 6 },
    { arbitrary: fc.constant<AttemptEvent>({ kind: 'recorded', isHeld: false }), weight: 1 },
  ),
};

type Happened = { effect: AttemptEffect; event: AttemptEvent | undefined };

/** One way through, by whatever happens; the choice is made by a generator that fast-check can shrink. */
function wander(first: Step, draw: <T>(from: fc.Arbitrary<T>) => T): Happened[] {
  const happened: Happened[] = [];
  let { state, effect } = first;
  while (effect.kind !== 'done' && happened.length < 200) {
    const event = draw(eventsAfter[effect.kind]);
    happened.push({ effect, event });
    ({ state, effect } = step(state, event));
  }
  happened.push({ effect, event: undefined });
  return happened;
}

describe('whatever happens', () => {
  const starts = fc.record({
    isLast: fc.boolean(),
    isProbe: fc.boolean(),
    bindsRest: fc.boolean(),
    onUnknown: fc.constantFrom('resend' as const, 'hold' as const),
    failures: fc.nat(20),
    attempts: fc.nat(5),
    kind: fc.constantFrom('new' as const, 'lost' as const, 'begun' as const, 'stale' as const),
  });

  const ways = fc.tuple(starts, fc.gen()).map(([{ failures, kind, ...more }, gen]) => {
    const attempts = kind === 'new' ? more.attempts : Math.max(1, more.attempts);
    const attemptStartedAt = kind === 'lost' ? startedAt : undefined;
    const isBegun = kind === 'begun' || kind === 'stale';
    const first = beginDelivery(
      { ...rules, ...more },
      { attempts, failures, attemptStartedAt },
      isBegun ? { isStale: kind === 'stale' } : undefined,
      at,
    );
    const happened = wander(first, (from) => gen(() => from));
    return { attempts, isBegun, kind, happened };
  });

  const calls = ({ happened }: { happened: Happened[] }) =>
    happened.filter(({ effect }) => effect.kind === 'call');

  test('it comes to an end, after few calls', () => {
    fc.assert(
      fc.property(ways, (way) => {
        expect(way.happened.at(-1)?.effect.kind).toBe('done');
        const made = calls(way).filter(({ event }) => event?.kind === 'responded');
        // One, one more with another token, one more with another media_id.
        expect(made.length).toBeLessThanOrEqual(3);
      }),
    );
  });

  test('no call is made without fresh leave for that very attempt', () => {
    fc.assert(
      fc.property(ways, ({ happened, kind }) => {
        for (const [index, { effect }] of happened.entries()) {
          if (effect.kind !== 'call') continue;
          if (index === 0) expect(kind).toBe('begun');
          else expect(happened[index - 1]?.event).toEqual({ kind: 'begun', isStale: false });
        }
      }),
    );
  });

  test('each attempt that was begun has one row and a number of its own, and none is asked for behind a refusal', () => {
    fc.assert(
      fc.property(ways, ({ happened, attempts, isBegun, kind }) => {
        const begunNumbers = new Set(isBegun || kind === 'lost' ? [attempts] : []);
        for (const { effect, event } of happened)
          if (effect.kind === 'begin' && event?.kind === 'begun') begunNumbers.add(effect.attempt);
        const rows = happened.flatMap(({ effect }) =>
          effect.kind === 'record' && effect.record.call ? [effect.record.attempt] : [],
        );
        expect(rows).toEqual([...begunNumbers]);
        const refusal = happened.findIndex(({ event }) => event?.kind === 'refused');
        const after = refusal < 0 ? [] : happened.slice(refusal + 1).map(({ effect }) => effect.kind);
        expect(after).not.toContain('begin');
        expect(after).not.toContain('call');
      }),
    );
  });

  test('it ends once, nothing is done behind its end, and failures never fall', () => {
    fc.assert(
      fc.property(ways, ({ happened }) => {
        const records = happened.flatMap(({ effect }) => (effect.kind === 'record' ? [effect.record] : []));
        const ends = records.filter(({ decision }) => decision.status !== 'pending');
        expect(ends.length).toBeLessThanOrEqual(1);
        if (ends.length === 1) expect(records.at(-1)).toBe(ends[0]);
        const failures = records.map(({ decision }) => decision.failures);
        expect(failures).toEqual([...failures].sort((left, right) => left - right));
        for (const { closes, decision } of records) if (closes) expect(decision.status).not.toBe('pending');
      }),
    );
  });
});
