import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { createSendRate } from '../../src/accounts/send-rate.js';
import { createGate } from '../../src/sending/gate.js';

function create({ concurrency = 1, workers = 1 } = {}) {
  let time = 1_000;
  const draining = new AbortController();
  setMaxListeners(0, draining.signal);
  const rate = createSendRate({ workers: () => workers, now: () => time, stop: draining.signal });
  const gate = createGate({ concurrency, rate, drain: draining.signal });
  return { gate, drain: () => draining.abort(), pass: (ms: number) => (time += ms) };
}

const account = { appId: 'wx0', sendRate: 0 };

describe('the gate', () => {
  test('lets as many calls of an account through as it has slots, and holds up no other account', async () => {
    const { gate } = create({ concurrency: 2 });
    expect(await gate.enter(account, false)).toBe(true);
    expect(gate.tryEnter(account)).toBe(true);
    expect(gate.tryEnter(account)).toBe(false);
    expect(gate.tryEnter({ appId: 'wx1', sendRate: 0 })).toBe(true);
    gate.leave('wx0');
    expect(gate.tryEnter(account)).toBe(true);
  });

  test('lets the urgent first, and nobody past those who wait', async () => {
    const { gate } = create();
    gate.tryEnter(account);
    const order: string[] = [];
    const waiting = [
      gate.enter(account, false).then(() => order.push('first')),
      gate.enter(account, true).then(() => order.push('urgent')),
    ];
    gate.leave('wx0');
    expect(gate.tryEnter(account)).toBe(false);
    await waiting[1];
    gate.leave('wx0');
    await waiting[0];
    expect(order).toEqual(['urgent', 'first']);
  });

  test('has a slot only with leave of the rate', () => {
    const { gate, pass } = create({ concurrency: 10 });
    const limited = { appId: 'wx0', sendRate: 10 };
    expect([1, 2, 3].map(() => gate.tryEnter(limited))).toEqual([true, false, false]);
    pass(100);
    expect([1, 2].map(() => gate.tryEnter(limited))).toEqual([true, false]);
  });

  test('keeps nobody waiting when the process is to stop, and loses no slot', async () => {
    const { gate, drain } = create();
    gate.tryEnter(account);
    const waiting = gate.enter(account, false);
    drain();
    expect(await waiting).toBe(false);
    expect(await gate.enter(account, false)).toBe(false);
    expect(gate.tryEnter(account)).toBe(false);
  });
});
