import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { createSendRate } from '../../src/accounts/send-rate.js';
import { text } from '../../src/wechat/out/reply.js';
import { setStage, settled } from '../support/stage.js';

const account = { appId: 'wx0', sendRate: 100 };

function create(options: { workers?: () => number; stop?: AbortSignal } = {}) {
  const { workers = () => 1, stop = new AbortController().signal } = options;
  setMaxListeners(0, stop);
  return createSendRate({ workers, now: () => performance.now(), stop });
}

/** Milliseconds until so many were admitted that asked at once. */
async function timeOf(count: number, rate: ReturnType<typeof create>, of = account): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: count }, () => rate.admit(of)));
  return performance.now() - startedAt;
}

// Timers may be late and never early: only lower limits are asserted, and the order of events.
describe('the send rate', () => {
  test('lets a burst of a tenth of a second through, then one send for each interval', async () => {
    const rate = create();
    expect(await timeOf(30, rate)).toBeGreaterThanOrEqual(189);
  });

  test('admits at once only what need not wait, and counts that', async () => {
    const rate = create();
    const admitted = Array.from({ length: 20 }, () => rate.tryAdmit(account)).filter(Boolean).length;
    expect(admitted).toBeGreaterThanOrEqual(10);
    expect(admitted).toBeLessThan(20);
    expect(await timeOf(3, rate)).toBeGreaterThanOrEqual(9);
    expect(rate.tryAdmit({ appId: 'wx2', sendRate: 0 })).toBe(true);
  });

  test('is shared equally by the workers that are alive', async () => {
    expect(await timeOf(15, create({ workers: () => 2 }))).toBeGreaterThanOrEqual(190);
  });

  test('follows workers that come', async () => {
    let workers = 1;
    const rate = create({ workers: () => workers });
    await timeOf(10, rate);
    workers = 10;
    expect(await timeOf(2, rate)).toBeGreaterThanOrEqual(90);
  });

  test('holds up no other account, and no account without a limit', async () => {
    const rate = create();
    let isThrough = false;
    const slow = timeOf(40, rate).then(() => {
      isThrough = true;
    });
    await timeOf(5, rate, { appId: 'wx1', sendRate: 100 });
    await timeOf(1_000, rate, { appId: 'wx2', sendRate: 0 });
    expect(isThrough).toBe(false);
    await slow;
  });

  test('keeps nobody waiting when the worker stops', async () => {
    const stopping = new AbortController();
    const rate = create({ stop: stopping.signal });
    const waiting = timeOf(5, rate, { appId: 'wx3', sendRate: 0.001 });
    stopping.abort();
    await waiting;
  });

  test('is kept by the whole way of a message, over all replies', async () => {
    const { simulator, database, start } = await setStage();
    await start({
      replies: () => [text('one'), text('two'), text('three')],
      settings: { SEND_RATE: '20' },
    });
    await Promise.all([1, 2, 3, 4].map((number) => simulator.user(`o${number}`).say('hi')));
    await settled(database, 4);
    const times = simulator.delivered.map(({ at }) => at);
    expect(times).toHaveLength(12);
    // The first ones wait for the access token as well. From the fourth on: eight intervals of 50 ms, and some leeway.
    const [fourth = 0, last = 0] = [times[3], times[11]];
    expect(last - fourth).toBeGreaterThanOrEqual(250);
  });
});
