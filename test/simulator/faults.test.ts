import { request } from 'undici';
import { describe, expect, test } from 'vitest';
import type { Fault, Simulator } from '../../src/simulator/index.js';
import { send, sendPath, sendsOf, simulateAcknowledged, stablePath, textTo, tokenOf } from './support.js';

const text = textTo('o1', 'x');

async function withOpenWindow(): Promise<Simulator> {
  const simulator = await simulateAcknowledged();
  await simulator.user('o1').say('hi');
  return simulator;
}

async function strike(fault: Fault): Promise<Simulator> {
  const simulator = await withOpenWindow();
  simulator.faults.add({ fault });
  return simulator;
}

describe('a fault', () => {
  test('with an errcode responds in WeChat’s words, or in those it was given', async () => {
    const simulator = await strike({ errcode: -1 });
    simulator.faults.add({ fault: { errcode: -1, errmsg: 'my words' } });
    const url = `${simulator.apiBase}${sendPath}?access_token=${await tokenOf(simulator)}`;
    const responses = [];
    for (let index = 0; index < 2; index += 1) {
      const response = await request(url, { method: 'POST', body: JSON.stringify(text) });
      responses.push([response.statusCode, await response.body.json()]);
    }
    expect(responses).toEqual([
      [200, { errcode: -1, errmsg: expect.stringMatching(/^system error rid: /) }],
      [200, { errcode: -1, errmsg: 'my words' }],
    ]);
    expect(simulator.delivered).toEqual([]);
    expect(sendsOf(simulator)).toMatchObject(Array(2).fill({ openid: 'o1', errcode: -1, responded: true }));
  });

  test.each([
    ['an HTTP status', { httpStatus: 502 }, 502, 'HTTP 502'],
    ['a malformed response', { malformed: '<html>' }, 200, '<html>'],
  ] as const)('with %s delivers nothing', async (_name, fault, httpStatus, body) => {
    const simulator = await strike(fault);
    const response = await request(`${simulator.apiBase}${sendPath}?access_token=x`, {
      method: 'POST',
      body: JSON.stringify(text),
    });
    expect([response.statusCode, await response.body.text()]).toEqual([httpStatus, body]);
    expect(simulator.delivered).toEqual([]);
    expect(sendsOf(simulator)).toMatchObject([{ httpStatus, responded: true }]);
    expect(sendsOf(simulator)[0]).not.toHaveProperty('errcode');
  });

  test.each([
    ['before', 0],
    ['after', 1],
  ] as const)('that cuts the connection %s the delivery leaves the caller in doubt', async (reset, count) => {
    const simulator = await strike({ reset });
    await expect(send(simulator, text)).rejects.toThrow();
    expect(simulator.delivered).toHaveLength(count);
    expect(sendsOf(simulator)).toMatchObject([{ responded: false, finishedAt: expect.any(Number) }]);
    expect(sendsOf(simulator)[0]).not.toHaveProperty('httpStatus');
  });

  test('that hangs delivers nothing and never ends', async () => {
    const simulator = await strike({ hang: true });
    await expect(send(simulator, text, AbortSignal.timeout(200))).rejects.toThrow(/aborted/);
    expect(simulator.delivered).toEqual([]);
    expect(sendsOf(simulator)).toMatchObject([{ responded: false }]);
    expect(sendsOf(simulator)[0]).not.toHaveProperty('finishedAt');
  });

  test('of delay delivers late, also to a caller who has given up', async () => {
    const simulator = await strike({ delayMs: 300 });
    await expect(send(simulator, text, AbortSignal.timeout(100))).rejects.toThrow(/aborted/);
    expect(simulator.delivered).toEqual([]);
    await simulator.waitForDelivered({ openid: 'o1', count: 1 });
    await expect.poll(() => sendsOf(simulator)).toMatchObject([{ responded: false }]);
    expect(sendsOf(simulator)[0]).not.toHaveProperty('httpStatus');
  });

  test('of delay may end in another', async () => {
    const simulator = await strike({
      delayMs: 20,
      followedBy: { delayMs: 20, followedBy: { errcode: 45011 } },
    });
    const startedAt = performance.now();
    expect(await send(simulator, text)).toBe(45011);
    expect(performance.now() - startedAt).toBeGreaterThan(35);
    expect(simulator.delivered).toEqual([]);
  });

  test('of delay is broken off when the simulator closes', async () => {
    const simulator = await strike({ delayMs: 400 });
    const delayOver = new Promise((resolve) => setTimeout(resolve, 1_000));
    const outcome = send(simulator, text).then(
      () => 'answered',
      () => 'cut',
    );
    await expect.poll(() => sendsOf(simulator)).toHaveLength(1);
    await simulator.close();
    expect(await outcome).toBe('cut');
    // The delay would be over by now: what was cut is not delivered late.
    await delayOver;
    expect(simulator.delivered).toEqual([]);
  });

  test('strikes whom and what it is for, as often as it says', async () => {
    const simulator = await withOpenWindow();
    await simulator.user('o2').say('hi');
    simulator.faults.add({ openid: 'o2', times: 2, fault: { errcode: 1 } });
    simulator.faults.add({ path: stablePath, fault: { errcode: -1 } });
    expect(simulator.faults.pending).toBe(3);
    expect(await tokenOf(simulator)).toBe('undefined');
    expect(await send(simulator, text)).toBe(0);
    const toOther = textTo('o2', 'x');
    expect([await send(simulator, toOther), await send(simulator, toOther)]).toEqual([1, 1]);
    expect(simulator.faults.pending).toBe(0);
    expect(await send(simulator, toOther)).toBe(0);
  });

  test('is forgotten when all are cleared', async () => {
    const simulator = await strike({ errcode: 1 });
    simulator.faults.ratio(1, { errcode: 2 });
    simulator.faults.clear();
    expect(simulator.faults.pending).toBe(0);
    expect(await send(simulator, text)).toBe(0);
  });

  test('at random strikes about its share, and the same calls for the same seed', async () => {
    const strikes = async (seed: number) => {
      const simulator = await withOpenWindow();
      simulator.faults.ratio(0.3, { errcode: -1 }, seed);
      const codes = [];
      for (let index = 0; index < 200; index += 1) codes.push((await send(simulator, text)) === -1);
      return codes;
    };
    const [first, again, other] = await Promise.all([strikes(7), strikes(7), strikes(8)]);
    expect(first.filter(Boolean).length).toBeGreaterThan(40);
    expect(first.filter(Boolean).length).toBeLessThan(80);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });
});
