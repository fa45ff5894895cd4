import { expect, test } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import { createAgents } from '../support/handover.js';
import { type Stage, setStage } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const echo: Replies = ({ message }) => (message.kind === 'text' ? `bot: ${message.content}` : undefined);

const texts = ({ simulator }: Stage) => simulator.inboxOf('o1').map(({ text }) => text);

const agentsOf = ({ database, account }: Stage) => createAgents(database.pool, account.appId);

/** Resolves when so many messages are stored, and none is open. */
function allSettled({ database }: Stage, count: number): Promise<unknown> {
  return waitFor(`${count} settled messages`, async () => {
    const rows = await database.rows<{ settled: boolean }>(
      'select settled_at is not null as settled from wechat.inbound_message',
    );
    return rows.length === count && rows.every(({ settled }) => settled);
  });
}

const forAgent = ({ database }: Stage) =>
  database.rows<{ content: string | null; status: string; for_agent: boolean }>(
    'select content, status, for_agent from wechat.inbound_message order by id',
  );

test('while an agent has a conversation the reply logic does not run for it; theirs are the answers, then it is back', async () => {
  const stage = await setStage();
  const seen: string[] = [];
  await stage.start({
    replies: (context) => {
      if (context.message.kind === 'text') seen.push(context.message.content);
      return echo(context);
    },
  });
  const user = stage.simulator.user('o1');
  await user.say('one');
  await stage.simulator.waitForDelivered('o1', 1);
  await allSettled(stage, 1);
  await agentsOf(stage).take('o1', 'anna');
  await user.say('two');
  await allSettled(stage, 2);
  expect(await agentsOf(stage).send('o1', 'anna', 'Anna here')).toMatchObject({ result: 'queued' });
  await stage.simulator.waitForDelivered('o1', 2);
  await allSettled(stage, 2);
  expect(await agentsOf(stage).handBack('o1', 'anna')).toBe('returned');
  await user.say('three');
  await stage.simulator.waitForDelivered('o1', 3);
  expect(texts(stage)).toEqual(['bot: one', 'Anna here', 'bot: three']);
  expect(seen).toEqual(['one', 'three']);
  expect(await forAgent(stage)).toMatchObject([
    { for_agent: false },
    { for_agent: true },
    { for_agent: false },
  ]);
});

test.each([
  { pending: 'cancel', received: [], left: { status: 'settled', for_agent: true } },
  { pending: 'send', received: ['bot: one'], left: { status: 'settled', for_agent: false } },
] as const)(
  'a takeover while the reply logic runs: its reply is dropped, or let out ($pending)',
  async ({ pending, received, left }) => {
    const stage = await setStage();
    const running = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    let runs = 0;
    await stage.start({
      replies: async (context) => {
        runs += 1;
        running.resolve();
        await release.promise;
        return echo(context);
      },
    });
    await stage.simulator.user('o1').say('one');
    await running.promise;
    await agentsOf(stage).take('o1', 'anna', { pending });
    release.resolve();
    await allSettled(stage, 1);
    expect(texts(stage)).toEqual(received);
    expect(await forAgent(stage)).toMatchObject([left]);
    expect(runs).toBe(1);
  },
);

test('a reply that was refused for the moment is not tried again once an agent has taken over', async () => {
  const stage = await setStage();
  await stage.start({ replies: echo });
  const { simulator, database } = stage;
  simulator.faults.add({ times: 1_000, fault: { errcode: -1 } });
  await simulator.user('o1').say('one');
  await waitFor('a second try', async () => {
    const rows = await database.rows('select from wechat.delivery where attempts > 1');
    return rows.length === 1;
  });
  expect(await agentsOf(stage).take('o1', 'anna')).toMatchObject({ result: 'taken' });
  await allSettled(stage, 1);
  expect(await database.rows('select status from wechat.delivery')).toEqual([{ status: 'cancelled' }]);
  expect(texts(stage)).toEqual([]);
});

test('the reply logic asks for a person: its words are sent, and what the user writes next waits for one', async () => {
  const stage = await setStage();
  await stage.start({
    replies: ({ message, handOver }) => {
      if (message.kind !== 'text') return undefined;
      if (message.content !== 'person') return 'bot';
      handOver('asked for a person');
      return 'One moment, please.';
    },
  });
  const user = stage.simulator.user('o1');
  await user.say('person');
  await stage.simulator.waitForDelivered('o1', 1);
  await user.say('hello?');
  await allSettled(stage, 2);
  expect(texts(stage)).toEqual(['One moment, please.']);
  expect(await stage.database.rows('select agent, reason from wechat.handover')).toEqual([
    { agent: null, reason: 'asked for a person' },
  ]);
  expect(await forAgent(stage)).toMatchObject([{ for_agent: false }, { for_agent: true }]);
});

test('the reply logic may ask for a person without a word: its message is the person’s', async () => {
  const stage = await setStage();
  await stage.start({ replies: ({ handOver }) => handOver('does not understand') as undefined });
  await stage.simulator.user('o1').say('???');
  await allSettled(stage, 1);
  expect(await forAgent(stage)).toEqual([{ content: '???', status: 'settled', for_agent: true }]);
  expect(await stage.database.rows('select reason from wechat.handover')).toEqual([
    { reason: 'does not understand' },
  ]);
});

test('a reason that is none fails the reply logic, and one of a run that failed asks for nobody', async () => {
  const stage = await setStage();
  await stage.start({
    replies: ({ message, handOver }) => {
      if (message.kind !== 'text') return undefined;
      if (message.content === 'none') handOver(undefined as never);
      if (message.content === 'long') handOver('x'.repeat(201));
      if (message.content === 'blank') handOver(' \u0007 ');
      handOver('a reason');
      throw new Error('and then it failed');
    },
  });
  for (const content of ['none', 'long', 'blank', 'fails'])
    await stage.simulator.user(`o-${content}`).say(content);
  await waitFor('all to fail', async () => {
    const rows = await stage.database.rows(`select from wechat.inbound_message where status = 'failed'`);
    return rows.length === 4;
  });
  expect(await stage.database.rows('select error from wechat.inbound_message order by error')).toEqual([
    { error: 'Error: and then it failed' },
    { error: 'InvalidHandOverError: handOver(reason): the reason has 201 characters, more than 200' },
    { error: 'InvalidHandOverError: handOver(reason): the reason is empty' },
    { error: 'InvalidHandOverError: handOver(reason): undefined is no text' },
  ]);
  expect(await stage.database.rows('select from wechat.handover')).toEqual([]);
});

test('a user has the reply logic back by a word, which it answers', async () => {
  const stage = await setStage();
  await stage.start({ replies: echo, settings: { HANDBACK_WORD: '返回, Menu' } });
  const user = stage.simulator.user('o1');
  await user.say('one');
  await stage.simulator.waitForDelivered('o1', 1);
  await agentsOf(stage).take('o1', 'anna');
  await user.say('the menu?');
  await user.say(' menu');
  await stage.simulator.waitForDelivered('o1', 2);
  expect(texts(stage)).toEqual(['bot: one', 'bot:  menu']);
  expect(await stage.database.rows('select agent, ended_by from wechat.handover_history')).toEqual([
    { agent: 'anna', ended_by: 'user' },
  ]);
});

test('a conversation in which the agent is silent for long is handed back by a worker', async () => {
  const stage = await setStage();
  await stage.start({ replies: echo, settings: { HANDOVER_IDLE_MINUTES: '1' } });
  const user = stage.simulator.user('o1');
  await user.say('one');
  await stage.simulator.waitForDelivered('o1', 1);
  await agentsOf(stage).take('o1', 'anna');
  await stage.database.pool.query(`update wechat.handover set last_word_at = now() - interval '61 seconds'`);
  await waitFor('the conversation to be handed back', async () => {
    return (await stage.database.rows('select from wechat.handover')).length === 0;
  });
  await user.say('two');
  await stage.simulator.waitForDelivered('o1', 2);
  expect(texts(stage)).toEqual(['bot: one', 'bot: two']);
});

test("Tencent's own customer service has the user from kf_create_session to kf_close_session", async () => {
  const stage = await setStage();
  const events: string[] = [];
  await stage.start({
    replies: (context) => {
      if (context.message.kind === 'event') events.push(context.message.event);
      return echo(context);
    },
  });
  const user = stage.simulator.user('o1');
  const external = () => stage.database.rows('select external from wechat.handover');
  await user.kfCreateSession('kf1@shop');
  await allSettled(stage, 1);
  await user.kfSwitchSession({ from: 'kf1@shop', to: 'kf2@shop' });
  await allSettled(stage, 2);
  expect(await external()).toEqual([{ external: 'kf2@shop' }]);
  await user.say('for them');
  await allSettled(stage, 3);
  await user.kfCloseSession('kf2@shop');
  await allSettled(stage, 4);
  expect(await external()).toEqual([]);
  await user.say('for the bot');
  await stage.simulator.waitForDelivered('o1', 1);
  expect(texts(stage)).toEqual(['bot: for the bot']);
  expect(events).toEqual(['kf_close_session']);
  expect((await forAgent(stage)).map(({ for_agent }) => for_agent)).toEqual([
    false,
    false,
    true,
    false,
    false,
  ]);
});

test('a worker that dies leaves a taken conversation taken, and the agent’s words are sent by the next', async () => {
  const stage = await setStage();
  const first = await stage.start({ replies: echo });
  await stage.simulator.user('o1').say('one');
  await stage.simulator.waitForDelivered('o1', 1);
  await allSettled(stage, 1);
  await agentsOf(stage).take('o1', 'anna');
  await first.stop();
  expect(await agentsOf(stage).send('o1', 'anna', 'Anna here')).toMatchObject({ result: 'queued' });
  await stage.start({ replies: echo });
  await stage.simulator.waitForDelivered('o1', 2);
  await stage.simulator.user('o1').say('two');
  await allSettled(stage, 2);
  expect(texts(stage)).toEqual(['bot: one', 'Anna here']);
});
