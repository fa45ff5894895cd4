import { describe, expect, test } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import { runInProcess } from '../support/command-line.js';
import { crashFor, query, setOwnStage } from '../support/own-postgres.js';
import { type Stage, setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

describe('every attempt has a row, and every delivery a status', () => {
  test('a reply that WeChat refused twice as busy has three, and is sent once', async () => {
    const { simulator, database, start } = await setStage();
    await start();
    simulator.faults.add({ times: 2, fault: { errcode: -1, errmsg: 'system error' } });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(simulator.inboxOf('oUser')).toHaveLength(1);
    expect(
      await database.rows(
        'select attempt, outcome, errcode, errmsg from wechat.delivery_attempt order by attempt',
      ),
    ).toEqual([
      { attempt: 1, outcome: 'transient', errcode: -1, errmsg: 'system error' },
      { attempt: 2, outcome: 'transient', errcode: -1, errmsg: 'system error' },
      { attempt: 3, outcome: 'sent', errcode: 0, errmsg: 'ok' },
    ]);
    expect(await database.rows('select status, attempts, failures from wechat.delivery')).toEqual([
      { status: 'sent', attempts: 3, failures: 2 },
    ]);
  });

  test('a reply for which no call could be made has none, and says why it waits', async () => {
    const { simulator, database, start } = await setStage();
    const { logged } = await start({ settings: { WECHAT_API_BASE: 'http://127.0.0.1:9' } });
    await simulator.user('oUser').say('hello');
    await waitFor('a failure for want of a token', () =>
      logged.some(({ event }) => event === 'no_access_token'),
    );
    const [delivery] = await waitFor('the delivery to wait', async () => {
      const rows = await database.rows<{ status: string; attempts: number; errmsg: string }>(
        'select status, attempts, errmsg from wechat.delivery where failures > 1',
      );
      return rows.length > 0 && rows;
    });
    // No call to send was made, so there is no attempt.
    expect(delivery).toMatchObject({
      status: 'pending',
      attempts: 0,
      errmsg: expect.stringContaining('ECONNREFUSED'),
    });
    expect(await database.rows('select from wechat.delivery_attempt')).toEqual([]);
  });
});

test('an answer of WeChat’s that comes while the database is away is on record when it is back', async () => {
  const stage = await setOwnStage();
  stage.simulator.faults.add({ fault: { delayMs: 1_000 } });
  await stage.simulator.user('oUser').say('hello');
  await waitFor('the send to begin', () => stage.simulator.calls.some(({ openid }) => openid === 'oUser'));
  const { back } = await crashFor(stage, 2_000);
  await stage.simulator.waitForDelivered('oUser', 1);
  await back;
  await waitFor('the message to be settled', async () => {
    const rows = await query<{ status: string }>(
      stage,
      `select status from wechat.inbound_message where openid = 'oUser'`,
    );
    return rows[0]?.status === 'settled';
  });
  expect(stage.simulator.inboxOf('oUser')).toHaveLength(1);
  expect(
    await query(
      stage,
      `select a.outcome from wechat.delivery_attempt a join wechat.delivery d on d.id = a.delivery_id where d.openid = 'oUser'`,
    ),
  ).toEqual([{ outcome: 'sent' }]);
});

/** One reply that was sent, two that were refused for good. */
async function refuseTwo(stage: Stage): Promise<void> {
  const { simulator, database, start } = stage;
  const replies: Replies = ({ message }) => (message.kind === 'text' ? message.content : undefined);
  await start({ replies });
  simulator.faults.add({ openid: 'oFirst', fault: { errcode: 45002 } });
  simulator.faults.add({ openid: 'oSecond', fault: { errcode: 45002 } });
  for (const name of ['First', 'Second', 'Third']) await simulator.user(`o${name}`).say(`hello ${name}`);
  await settled(database, 3);
}

const outcomes = ({ database }: Stage) =>
  database.rows(
    `select d.openid, d.status, json_agg(a.outcome order by a.attempt) as outcomes
     from wechat.delivery d join wechat.delivery_attempt a on a.delivery_id = d.id group by d.id order by d.openid`,
  );

describe('what failed can be requeued, and its attempts stay on record', () => {
  test('singly, from SQL', async () => {
    const stage = await setStage();
    const { simulator, database } = stage;
    await refuseTwo(stage);
    const [first] = await database.rows<{ result: string }>(
      `select wechat.requeue(id) as result from wechat.delivery where openid = 'oFirst'`,
    );
    expect(first).toEqual({ result: 'requeued' });
    await simulator.waitForDelivered('oFirst', 1);
    await settled(database, 3);
    expect(await outcomes(stage)).toEqual([
      { openid: 'oFirst', status: 'sent', outcomes: ['permanent', 'sent'] },
      { openid: 'oSecond', status: 'failed', outcomes: ['permanent'] },
      { openid: 'oThird', status: 'sent', outcomes: ['sent'] },
    ]);
  });

  test('by filter, from the command line', async () => {
    const stage = await setStage();
    const { simulator, database } = stage;
    await refuseTwo(stage);
    const args = ['requeue', '--state', 'failed', '--code', '45002', '--yes'];
    const { code, err } = await runInProcess(args, { DATABASE_URL: database.url });
    expect(code, err).toBe(0);
    await simulator.waitForDelivered('oFirst', 1);
    await simulator.waitForDelivered('oSecond', 1);
    await settled(database, 3);
    expect(await outcomes(stage)).toEqual([
      { openid: 'oFirst', status: 'sent', outcomes: ['permanent', 'sent'] },
      { openid: 'oSecond', status: 'sent', outcomes: ['permanent', 'sent'] },
      { openid: 'oThird', status: 'sent', outcomes: ['sent'] },
    ]);
  });
});
