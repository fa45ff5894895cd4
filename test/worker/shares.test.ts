import { expect, test } from 'vitest';
import { createShares } from '../../src/worker/shares.js';

/** Shares of ten, and a clock that goes when it is told to. */
function setUp(isAlone = false) {
  let at = 0;
  const shares = createShares({ each: 10, isAlone, now: () => at });
  return {
    shares,
    pass: (ms: number) => {
      at += ms;
    },
    fill: (appId: string) => {
      for (let n = 0; n < 10; n += 1) expect(shares.take(appId)).toBe(true);
    },
    /** Whether there is room by the end of this turn of the event loop, with no patience spent. */
    async reserves(lanes: number): Promise<boolean> {
      const reserved = shares.reserve(lanes, 60_000);
      return Promise.race([reserved, new Promise<boolean>((resolve) => setImmediate(resolve, false))]);
    },
  };
}

test('an account has no more than its share, whatever the others have', () => {
  const { shares, fill } = setUp();
  fill('wxFull');
  expect(shares.take('wxFull')).toBe(false);
  expect(shares.take('wxOther')).toBe(true);
  shares.give('wxFull');
  expect(shares.take('wxFull')).toBe(true);
});

test('lanes to be claimed wait for a quick account, until they fit beside what it has in hand', async () => {
  const { shares, fill, reserves } = setUp();
  fill('wxQuick');
  let hasRoom = false;
  const waiting = shares.reserve(4, 60_000).then(() => {
    hasRoom = true;
  });
  for (let n = 0; n < 3; n += 1) shares.give('wxQuick');
  await Promise.resolve();
  expect(hasRoom).toBe(false);
  shares.give('wxQuick');
  await waiting;
  // What is reserved counts, until it is claimed.
  expect(await reserves(1)).toBe(false);
});

test('nothing waits for an account that is slow, unless it is the only one', async () => {
  for (const isAlone of [false, true]) {
    const { shares, pass, fill, reserves } = setUp(isAlone);
    fill('wxSlow');
    pass(2_000);
    shares.give('wxSlow');
    expect(shares.take('wxSlow')).toBe(true);
    expect(await reserves(10)).toBe(!isAlone);
  }
});

test('patience has an end', async () => {
  const { shares, fill } = setUp();
  fill('wxQuick');
  expect(await shares.reserve(5, 1)).toBe(false);
  shares.give('wxQuick');
  expect(await shares.reserve(1, 1)).toBe(true);
});

test('lanes that are put off come due one after another, by the pace of their account, within ten seconds', () => {
  const { shares, pass, fill } = setUp();
  fill('wxSlow');
  pass(4_000);
  for (let n = 0; n < 8; n += 1) shares.give('wxSlow');
  // Eight in four seconds: two a second.
  const turns = Array.from({ length: 200 }, () => shares.turnMs('wxSlow'));
  expect(turns.slice(0, 3)).toEqual([700, 1_200, 1_700]);
  expect(turns.at(-1)).toBe(10_000);
});
