import { beforeEach, describe, expect, test } from 'vitest';
import { deleteSendKeys, returnIdle } from '../../src/outbox/handover.js';
import { deleteEndedHandovers } from '../../src/outbox/retention.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Agents, createAgents } from '../support/handover.js';
import { createLanes, type Lanes, type LaneWorker, sent } from '../support/lanes.js';
import { eventMessage } from '../support/messages.js';

const appId = 'wxagents';

let database: TestDatabase;
let lanes: Lanes;
let worker: LaneWorker;
let agents: Agents;

beforeEach(async () => {
  database = await createTestDatabase();
  lanes = createLanes(database.pool, { appId });
  worker = await lanes.worker();
  agents = createAgents(database.pool, appId);
  return () => database.drop();
});

const actions = () =>
  database.rows<{ action: string; details: Record<string, unknown> }>(
    'select action, app_id, details, affected from wechat.operator_action order by id',
  );

const history = () =>
  database.rows<Record<string, unknown>>(
    'select openid, agent, external, reason, ended_by from wechat.handover_history order by id',
  );

const handovers = () =>
  database.rows<Record<string, unknown>>('select agent, reason, external from wechat.handover');

/** A conversation in which everything is answered. */
async function answered(openid: string): Promise<string> {
  const id = await lanes.say(openid);
  await worker.answer(openid);
  return id;
}

describe('taking over', () => {
  test('is for conversations that there are, by one agent at a time; taking from a colleague is asked for', async () => {
    expect(await agents.take('o1', 'anna')).toEqual({
      result: 'no_conversation',
      held_by: null,
      since: null,
    });
    const messageId = await answered('o1');
    expect(await agents.take('o1', 'anna')).toMatchObject({ result: 'taken', held_by: 'anna' });
    expect(await agents.take('o1', 'anna')).toMatchObject({ result: 'taken', held_by: 'anna' });
    expect(await agents.take('o1', 'ben')).toMatchObject({ result: 'held', held_by: 'anna' });
    expect(await agents.take('o1', 'ben', { steal: true })).toMatchObject({
      result: 'taken',
      held_by: 'ben',
    });
    expect(await handovers()).toEqual([{ agent: 'ben', reason: null, external: null }]);
    expect(await history()).toMatchObject([{ agent: 'anna', ended_by: 'colleague' }]);
    expect((await actions()).map(({ action }) => action)).toEqual(['takeover', 'takeover', 'takeover']);
    expect((await actions()).at(-1)).toMatchObject({
      app_id: appId,
      details: { message: Number(messageId), agent: 'ben', from: 'anna' },
    });
    expect(await lanes.lanesOf('o1')).toEqual([]);
  });

  test('is refused without a name, or with a choice that there is not', async () => {
    await answered('o1');
    await expect(agents.take('o1', '')).rejects.toThrow('say who takes over');
    await expect(agents.take('o1', 'anna', { pending: 'keep' as 'send' })).rejects.toThrow('pending');
  });

  test('gives up what waits for its next try, and the message behind it is looked at', async () => {
    await lanes.say('o1', 'first');
    await lanes.say('o1', 'second');
    const lane = await worker.take('o1');
    const [reply] = (await worker.plan(lane, 'late', 'later')) ?? [];
    if (!reply) throw new Error('nothing was planned');
    await worker.end(lane, { ...sent(reply), status: 'pending', delayMs: 60_000 });
    await worker.release(lane, { delayMs: 60_000 });
    await agents.take('o1', 'anna');
    expect(await database.rows('select status, errmsg from wechat.delivery order by position')).toEqual([
      { status: 'cancelled', errmsg: 'ok' },
      { status: 'cancelled', errmsg: 'cancelled: an agent took over' },
    ]);
    expect(await worker.take('o1')).toMatchObject({
      isTaken: true,
      message: { fields: { Content: 'second' } },
    });
  });

  test('leaves what operators sent by hand', async () => {
    await answered('o1');
    await database.pool.query(
      `select wechat.send($1, 'o1', '{"msgtype": "text", "text": {"content": "by hand"}}')`,
      [appId],
    );
    await agents.take('o1', 'anna');
    expect(await database.rows(`select status from wechat.delivery where origin = 'operator'`)).toEqual([
      { status: 'pending' },
    ]);
    await worker.answer('o1');
    expect(await database.rows(`select status from wechat.delivery where origin = 'operator'`)).toEqual([
      { status: 'sent' },
    ]);
  });

  test('of an account without order reaches every message that waits', async () => {
    const unordered = createLanes(database.pool, { appId, ordered: false });
    await unordered.say('o1', 'first');
    await unordered.say('o1', 'second');
    const held = await worker.claim('o1');
    expect(held).toHaveLength(2);
    await agents.take('o1', 'anna');
    for (const lane of held) {
      expect(await worker.plan(lane, 'hello')).toBeUndefined();
      expect(await worker.look(lane)).toMatchObject({ isTaken: true });
    }
    expect(await unordered.lanesOf('o1')).toHaveLength(2);
  });
});

describe('handing back', () => {
  test('is for who has it, or by force; then the reply logic may speak in a lane that was there all the time', async () => {
    expect(await agents.handBack('o1', 'anna')).toBe('not_taken');
    await lanes.say('o1');
    const lane = await worker.take('o1');
    await agents.take('o1', 'anna');
    expect(await worker.plan(lane, 'hello')).toBeUndefined();
    expect(await agents.handBack('o1', 'ben')).toBe('not_yours');
    expect(await agents.handBack('o1', 'anna')).toBe('returned');
    expect(await worker.plan(lane, 'hello')).toHaveLength(1);
    await agents.take('o1', 'anna', { pending: 'send' });
    expect(await agents.handBack('o1', 'ben', true)).toBe('returned');
    expect(await history()).toMatchObject([
      { agent: 'anna', ended_by: 'agent' },
      { agent: 'anna', ended_by: 'operator' },
    ]);
    expect((await actions()).map(({ action }) => action)).toEqual([
      ...['takeover', 'hand_back', 'takeover', 'hand_back'],
    ]);
  });

  test('comes by itself after the agent has said nothing for so long, by a time of its own or the setting', async () => {
    for (const [openid, how] of [
      ['o1', {}],
      ['o2', { returnsAfter: '2 hours' }],
      ['o3', { returnsAfter: '10 minutes' }],
    ] as const) {
      await answered(openid);
      await agents.take(openid, 'anna', how);
    }
    const age = (interval: string) =>
      database.pool.query('update wechat.handover set last_word_at = last_word_at - $1::interval', [
        interval,
      ]);
    expect(await returnIdle(database.pool, 30)).toBe(0);
    await age('29 minutes');
    await agents.send('o1', 'anna', 'still here');
    expect(await returnIdle(database.pool, 0)).toBe(1);
    await age('2 minutes');
    expect(await returnIdle(database.pool, 30)).toBe(0);
    await age('29 minutes');
    expect(await returnIdle(database.pool, 30)).toBe(1);
    await age('1 day');
    expect(await returnIdle(database.pool, 0)).toBe(1);
    expect(await history()).toMatchObject([
      { openid: 'o3', agent: 'anna', ended_by: 'idle' },
      { openid: 'o1', agent: 'anna', ended_by: 'idle' },
      { openid: 'o2', agent: 'anna', ended_by: 'idle' },
    ]);
  });
});

describe('asking for a person', () => {
  test('makes the conversation wait until an agent comes, who finds the reason', async () => {
    expect(await agents.ask('o1', 'a refund')).toBe('no_conversation');
    await answered('o1');
    const last = await answered('o1');
    expect(await agents.ask('o1', 'a refund')).toBe('waiting');
    expect(await agents.ask('o1', 'again')).toBe('waiting');
    expect(await database.rows('select agent, reason, read_up_to from wechat.handover')).toEqual([
      { agent: null, reason: 'a refund', read_up_to: String(Number(last) - 1) },
    ]);
    expect(await agents.take('o1', 'anna')).toMatchObject({ result: 'taken' });
    expect(await agents.ask('o1', 'more')).toBe('held');
    expect(await database.rows('select agent, reason, read_up_to from wechat.handover')).toEqual([
      { agent: 'anna', reason: 'a refund', read_up_to: last },
    ]);
    await expect(agents.ask('o1', '')).rejects.toThrow('say why');
  });

  test('ends after two days in which nobody came', async () => {
    await answered('o1');
    await agents.ask('o1', 'a refund');
    await database.pool.query(`update wechat.handover set requested_at = requested_at - interval '47 hours'`);
    expect(await returnIdle(database.pool, 30)).toBe(0);
    await database.pool.query(`update wechat.handover set requested_at = requested_at - interval '1 hour'`);
    expect(await returnIdle(database.pool, 30)).toBe(1);
    expect(await history()).toMatchObject([{ agent: null, reason: 'a refund', ended_by: 'idle' }]);
  });
});

describe("an agent's words", () => {
  test('go through the outbox under their name, in their order, once for each key', async () => {
    await answered('o1');
    await agents.take('o1', 'anna');
    const first = await agents.send('o1', 'anna', 'first', 'k1');
    expect(first.result).toBe('queued');
    expect(await agents.send('o1', 'anna', 'first', 'k1')).toEqual(first);
    expect(await agents.send('o1', 'anna', 'second', 'k2')).toMatchObject({ result: 'queued' });
    await worker.answer('o1');
    expect(
      await database.rows(
        `select payload -> 'text' ->> 'content' as text, agent, status from wechat.delivery where origin = 'agent' order by id`,
      ),
    ).toEqual([
      { text: 'first', agent: 'anna', status: 'sent' },
      { text: 'second', agent: 'anna', status: 'sent' },
    ]);
    expect(await actions()).toMatchObject([
      { action: 'takeover' },
      {
        action: 'agent_send',
        details: { delivery: Number(first.delivery_id), msgtype: 'text', agent: 'anna' },
      },
      { action: 'agent_send' },
    ]);
    expect(JSON.stringify(await actions())).not.toContain('first');
  });

  test('answer a message that nobody has looked at yet, as the one that it is for', async () => {
    const id = await lanes.say('o1');
    await agents.take('o1', 'anna');
    expect(await agents.send('o1', 'anna', 'hello')).toMatchObject({ result: 'queued' });
    expect(await worker.take('o1')).toMatchObject({
      message: { id, isPlanned: true, deliveries: [{ isReply: false }] },
    });
    expect(await database.rows('select for_agent from wechat.inbound_message')).toEqual([
      { for_agent: true },
    ]);
  });

  test('are refused where they are nobody’s to say, or WeChat would refuse them', async () => {
    await answered('o1');
    expect(await agents.send('o1', 'anna', 'hello')).toEqual({ delivery_id: null, result: 'not_yours' });
    await agents.take('o1', 'ben');
    expect(await agents.send('o1', 'anna', 'hello')).toMatchObject({ result: 'not_yours' });
    expect(await agents.send('nobody', 'anna', 'hello')).toMatchObject({ result: 'not_yours' });
    await database.pool.query(
      `update wechat.inbound_message set window_ends_at = now() - interval '1 second'`,
    );
    expect(await agents.send('o1', 'ben', 'hello')).toMatchObject({ result: 'window_closed' });
    await expect(
      database.pool.query(`select wechat.agent_send($1, 'o1', 'ben', '{"text": {}}', 'k')`, [appId]),
    ).rejects.toThrow('must be a message of the customer-service API');
    await expect(agents.send('o1', 'ben', 'hello', '')).rejects.toThrow('key');
    expect(await lanes.lanesOf('o1')).toEqual([]);
  });

  test('are counted with the replies: when the allowance is used, the user must write first', async () => {
    await answered('o1');
    await agents.take('o1', 'anna');
    for (let n = 2; n <= 5; n += 1)
      expect(await agents.send('o1', 'anna', `message ${n}`)).toMatchObject({ result: 'queued' });
    const [allowance] = await database.rows(`select quota, used from wechat.allowance_of($1, 'o1')`, [appId]);
    expect(allowance).toEqual({ quota: 5, used: 5 });
    expect(await agents.send('o1', 'anna', 'one more')).toMatchObject({ result: 'allowance_used' });
    await worker.answer('o1');
    await lanes.say('o1', 'and now?');
    expect(await agents.send('o1', 'anna', 'one more')).toMatchObject({ result: 'queued' });
  });

  test('are sent behind an event that opened no window, by the allowance of the message before', async () => {
    await answered('o1');
    await lanes.arrive(eventMessage('VIEW', { openid: 'o1' }));
    await worker.answer('o1');
    await agents.take('o1', 'anna');
    expect(await agents.send('o1', 'anna', 'hello')).toMatchObject({ result: 'queued' });
  });
});

describe("Tencent's own customer service", () => {
  const follow = async (kfAccount: string | null) => {
    const [row] = await database.rows<{ taken: boolean }>(
      `select wechat.follow_session($1, 'o1', $2) as taken`,
      [appId, kfAccount],
    );
    return row?.taken;
  };

  test('has the conversation from the begin of a session to its end', async () => {
    await answered('o1');
    expect(await follow('kf1@shop')).toBe(true);
    expect(await follow('kf2@shop')).toBe(true);
    expect(await handovers()).toEqual([{ agent: null, reason: null, external: 'kf2@shop' }]);
    expect(await agents.take('o1', 'anna')).toMatchObject({ result: 'held', held_by: 'kf2@shop' });
    expect(await follow(null)).toBe(false);
    expect(await handovers()).toEqual([]);
    expect(await history()).toMatchObject([{ agent: null, external: 'kf2@shop', ended_by: 'external' }]);
  });

  test('gives back to the agent who had it; an agent who gives it away has it no more', async () => {
    await answered('o1');
    await agents.take('o1', 'anna');
    await follow('kf1@shop');
    expect(await agents.send('o1', 'anna', 'hello')).toMatchObject({ result: 'not_yours' });
    for (const agent of ['anna', 'ben']) expect(await agents.handBack('o1', agent)).toBe('not_yours');
    expect(await follow(null)).toBe(true);
    expect(await handovers()).toEqual([{ agent: 'anna', reason: null, external: null }]);
    const transfer = `select wechat.transfer($1, 'o1', $2, 'kf1@shop') as result`;
    expect(await database.rows(transfer, [appId, 'ben'])).toEqual([{ result: 'not_yours' }]);
    expect(await database.rows(transfer, [appId, 'anna'])).toEqual([{ result: 'transferred' }]);
    expect(await handovers()).toEqual([{ agent: null, reason: null, external: 'kf1@shop' }]);
    expect(await follow(null)).toBe(false);
    expect(await history()).toMatchObject([
      { agent: 'anna', external: 'kf1@shop', ended_by: 'external' },
      { agent: null, external: 'kf1@shop', ended_by: 'external' },
    ]);
  });

  test('is given up when WeChat told nothing for a day', async () => {
    await answered('o1');
    await follow('kf1@shop');
    await database.pool.query(`update wechat.handover set last_word_at = now() - interval '25 hours'`);
    expect(await returnIdle(database.pool, 0)).toBe(1);
  });
});

describe('what is kept', () => {
  test('a forgotten user leaves neither a takeover, nor a key, nor a reason', async () => {
    await answered('o1');
    await agents.ask('o1', 'her name is Li');
    await agents.take('o1', 'anna');
    await agents.handBack('o1', 'anna');
    await agents.ask('o1', 'her name is Li');
    await agents.take('o1', 'anna');
    await agents.send('o1', 'anna', 'hello Li');
    const [forgotten] = await database.rows(`select in_hand from wechat.forget($1, 'o1')`, [appId]);
    expect(forgotten).toEqual({ in_hand: 0 });
    expect(await handovers()).toEqual([]);
    expect(await database.rows('select from wechat.agent_send_key')).toEqual([]);
    const kept = await history();
    expect(kept).toMatchObject([
      { agent: 'anna', reason: null, ended_by: 'agent' },
      { agent: 'anna', reason: null, ended_by: 'forget' },
    ]);
    expect(kept.map(({ openid }) => openid)).not.toContain('o1');
    const [pseudonym] = await database.rows<{ openid: string }>(
      'select distinct openid from wechat.inbound_message',
    );
    expect(new Set(kept.map(({ openid }) => openid))).toEqual(new Set([pseudonym?.openid]));
  });

  test('the record of takeovers goes with retention, keys of requests after a day', async () => {
    await answered('o1');
    await agents.take('o1', 'anna');
    await agents.send('o1', 'anna', 'hello');
    await agents.handBack('o1', 'anna');
    await agents.take('o1', 'anna');
    await agents.handBack('o1', 'anna');
    await database.pool.query(
      `update wechat.handover_history set ended_at = now() - interval '31 days' where id = (select min(id) from wechat.handover_history)`,
    );
    expect(await deleteEndedHandovers(database.pool, 30)).toBe(1);
    expect(await history()).toHaveLength(1);
    await deleteSendKeys(database.pool);
    expect(await database.rows('select from wechat.agent_send_key')).toHaveLength(1);
    await database.pool.query(`update wechat.agent_send_key set sent_at = now() - interval '25 hours'`);
    await deleteSendKeys(database.pool);
    expect(await database.rows('select from wechat.agent_send_key')).toEqual([]);
  });
});

test('agents need no more than the role of operators; analysts read what was handed over, and change nothing', async () => {
  await answered('o1');
  const client = await database.pool.connect();
  try {
    await client.query('begin');
    await client.query('set local role wechat_operator');
    expect((await createAgents(client, appId).take('o1', 'anna')).result).toBe('taken');
    expect((await createAgents(client, appId).send('o1', 'anna', 'hello')).result).toBe('queued');
    await client.query('set local role wechat_analyst');
    expect((await client.query('select from wechat.handover')).rows).toHaveLength(1);
    await expect(createAgents(client, appId).handBack('o1', 'anna')).rejects.toThrow('permission denied');
  } finally {
    await client.query('rollback');
    client.release();
  }
});
