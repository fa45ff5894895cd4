import { describe, expect, test } from 'vitest';
import { send, simulate, simulateAcknowledged, textTo } from './support.js';

describe('waiting for deliveries', () => {
  test('ends with the message that was still missing', async () => {
    const simulator = await simulateAcknowledged();
    await simulator.user('o1').say('hi');
    await simulator.user('o2').say('hi');
    const both = simulator.waitForDelivered({ openid: 'o1', count: 2 }, { timeoutMs: 5_000 });
    const three = simulator.waitForDelivered((delivered) => delivered.length >= 3);
    for (const touser of ['o1', 'o2', 'o1']) await send(simulator, textTo(touser, `to ${touser}`));
    expect((await both).map(({ sequence }) => sequence)).toEqual([1, 3]);
    expect((await three).map(({ text }) => text)).toEqual(['to o1', 'to o2', 'to o1']);
    expect(await simulator.waitForDelivered('o2', 1)).toHaveLength(1);
  });

  test('in vain says what did arrive', async () => {
    const simulator = await simulateAcknowledged();
    await simulator.user('o1').say('hi');
    await send(simulator, textTo('o1', '你好'));
    await expect(simulator.waitForDelivered({ openid: 'o1', count: 2 }, { timeoutMs: 1 })).rejects.toThrow(
      'o1 should have 2 messages; after 1 ms, 1 had arrived: o1 "你好"',
    );
    await expect(simulator.waitForDelivered(() => false, { timeoutMs: 1 })).rejects.toThrow(
      'What was waited for did not arrive; after 1 ms, 1 had arrived: o1 "你好"',
    );
  });

  test('ends when the simulator does', async () => {
    const simulator = await simulate();
    const waiting = expect(simulator.waitForDelivered({ openid: 'o1', count: 1 })).rejects.toThrow(
      'when the simulator was closed, 0 had arrived',
    );
    await simulator.close();
    await waiting;
  });

  test('fails with the predicate', async () => {
    const simulator = await simulate();
    const broken = () => {
      throw new Error('mine');
    };
    await expect(simulator.waitForDelivered(broken)).rejects.toThrow('mine');
  });
});

test('listeners hear of each delivery until they stop', async () => {
  const simulator = await simulateAcknowledged();
  await simulator.user('o1').say('hi');
  const heard: string[] = [];
  const stop = simulator.onDelivered(({ text }) => heard.push(text));
  await send(simulator, textTo('o1', 'one'));
  stop();
  await send(simulator, textTo('o1', 'two'));
  expect(heard).toEqual(['one']);
});
