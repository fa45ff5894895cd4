import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import { defaultRetryPolicy } from '../../src/sending/retry-policy.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

/** Reply logic that holds texts that begin with "slow" until the test lets go. */
function heldReplies(): { replies: Replies; letGo: () => void } {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const replies: Replies = async ({ message }) => {
    if (message.kind !== 'text') return 'event';
    if (message.content.startsWith('slow')) await held;
    return message.content;
  };
  return { replies, letGo };
}

describe('an account that wants no order', () => {
  test('lets a quick reply overtake a slow one of the same user', async () => {
    const { simulator, database, start } = await setStage();
    const { replies, letGo } = heldReplies();
    await start({ replies, settings: { ORDERED: 'false' } });
    const user = simulator.user('oUser');
    for (const text of ['slow 1', '2', '3']) await user.say(text);
    await simulator.waitForDelivered('oUser', 2);
    letGo();
    await settled(database, 3);
    expect(
      simulator
        .inboxOf('oUser')
        .map(({ text }) => text)
        .sort(),
    ).toEqual(['2', '3', 'slow 1']);
    expect(simulator.inboxOf('oUser').at(-1)?.text).toBe('slow 1');
  });

  test('answers all after a pause, too', async () => {
    const { account, simulator, database, start } = await setStage();
    const { replies } = heldReplies();
    await database.pool.query('select wechat.pause($1)', [account.appId]);
    await start({ replies, settings: { ORDERED: 'false' } });
    for (const text of ['1', '2', '3', '4']) await simulator.user('oUser').say(text);
    await waitFor(
      'the jobs to have found nothing',
      async () => (await database.rows('select from graphile_worker.jobs')).length === 0,
    );
    await database.pool.query('select wechat.resume($1)', [account.appId]);
    await settled(database, 4);
    expect(simulator.inboxOf('oUser')).toHaveLength(4);
  });
});

test('two messages of a user of which the later was seen first are not answered side by side', async () => {
  const { account, simulator, database, start } = await setStage();
  const { replies, letGo } = heldReplies();
  await start({ replies });
  // An id is taken, and its transaction lasts: another process commits a later one meanwhile.
  const client = await database.pool.connect();
  await client.query('begin');
  const { rows } = await client.query<{ id: string }>(
    `insert into wechat.inbound_message (app_id, dedupe_key, openid, msg_type, created_at, payload)
     values ($1, 'msg:1', 'oUser', 'text', now(), jsonb_build_object(
       'FromUserName', 'oUser', 'MsgType', 'text', 'CreateTime', '1', 'Content', 'earlier')) returning id`,
    [account.appId],
  );
  await simulator.user('oUser').say('slow later');
  await waitFor(
    'the later one in hand',
    async () =>
      (await database.rows('select from wechat.inbound_message where claimed_by is not null')).length === 1,
  );
  await client.query('select wechat.add_answer_jobs(array[$1::bigint], array[false], array[now()])', [
    rows[0]?.id,
  ]);
  await client.query('commit');
  client.release();
  await waitFor(
    'its job to be done',
    async () => (await database.rows('select from graphile_worker.jobs')).length === 0,
  );
  expect(simulator.delivered).toEqual([]);
  letGo();
  await settled(database, 2);
  expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['slow later', 'earlier']);
});

const takingTime: Replies = async () => {
  await sleep(10);
  return 'hello';
};

describe('a reply window of one minute', () => {
  test('goes first when the worker is behind', async () => {
    const { simulator, database, start } = await setStage();
    await start({ role: 'ingress' });
    await Promise.all(
      Array.from({ length: 300 }, (_, index) => simulator.user(`oText${index}`).say('hello')),
    );
    await simulator.user('oFollower').subscribe();
    await simulator.user('oScanner').scan('1');
    await simulator.user('oClicker').click('MENU');
    const jobs = await database.rows<{ priority: number }>(
      'select priority from graphile_worker.jobs order by priority, run_at, id',
    );
    expect(jobs.slice(0, 3)).toEqual([{ priority: -10 }, { priority: -10 }, { priority: -10 }]);
    expect(new Set(jobs.slice(3).map(({ priority }) => priority))).toEqual(new Set([0]));
    await start({ role: 'worker', replies: takingTime, settings: { REPLY_CONCURRENCY: '5' } });
    await settled(database, 303);
    const urgent = ['oFollower', 'oScanner', 'oClicker'].map(
      (openid) => simulator.inboxOf(openid)[0]?.sequence ?? Number.NaN,
    );
    // Not the very first: what runs side by side with them may be quicker.
    expect(Math.max(...urgent)).toBeLessThan(150);
  });

  test('goes first though the worker has its hands full with slow replies', async () => {
    const { account, simulator, database, start } = await setStage();
    await start({ role: 'ingress' });
    // More than a worker takes in hand, in jobs as large as they get, and more of these than it runs at once.
    await database.pool.query(
      `with text as (
         insert into wechat.inbound_message (app_id, dedupe_key, openid, msg_type, created_at, payload)
         select $1, 'msg:' || n, 'oText' || n, 'text', now(), jsonb_build_object(
           'FromUserName', 'oText' || n, 'MsgType', 'text', 'CreateTime', '1', 'Content', 'hello')
         from generate_series(1, 2500) n returning id)
       select wechat.add_answer_jobs(array_agg(id), array_agg(false), array_agg(now())) from text`,
      [account.appId],
    );
    await start({ role: 'worker', replies: takingTime, settings: { REPLY_CONCURRENCY: '1' } });
    await waitFor('the worker to have its hands full', async () => {
      const [row] = await database.rows<{ held: number }>(
        'select count(*)::int as held from wechat.inbound_message where claimed_by is not null',
      );
      return row && row.held > 900;
    });
    await simulator.user('oFollower').subscribe();
    await simulator.user('oClicker').click('MENU');
    await simulator.waitForDelivered('oFollower', 1);
    await simulator.waitForDelivered('oClicker', 1);
    // Texts that nobody sent are refused, but they are sent.
    const sends = simulator.calls.filter(({ path }) => path.endsWith('/custom/send'));
    expect(sends.length).toBeGreaterThan(2);
    expect(sends.length).toBeLessThan(600);
  });

  test('is used to its end: tight retries, then expired, with what was tried on record', async () => {
    const { simulator, database, start } = await setStage();
    const { replies } = heldReplies();
    // The real schedule; a window of three seconds in the place of sixty.
    await start({ replies, settings: { WINDOW_MENU: '3/3s' }, retryPolicy: defaultRetryPolicy });
    simulator.faults.ratio(1, { errcode: -1 });
    const startedAt = Date.now();
    await simulator.user('oUser').click('MENU');
    await settled(database, 1);
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    const [delivery] = await database.rows<{ status: string; attempts: number; errcode: number }>(
      'select status, attempts, errcode from wechat.delivery',
    );
    expect(delivery).toMatchObject({ status: 'expired', errcode: -1 });
    expect(delivery?.attempts).toBeGreaterThanOrEqual(2);
    expect(
      await database.rows(
        'select count(*)::int as attempts, min(outcome) as outcome from wechat.delivery_attempt',
      ),
    ).toEqual([{ attempts: delivery?.attempts, outcome: 'transient' }]);
    // No attempt is planned for after the end of the window; a job may be picked up half a second late.
    expect(
      await database.rows(
        `select from wechat.delivery_attempt, wechat.inbound_message where started_at > window_ends_at + interval '1 second'`,
      ),
    ).toEqual([]);
  });

  test('does not end a reply while an earlier message keeps a longer one open', async () => {
    const { simulator, database, start } = await setStage();
    const { replies } = heldReplies();
    await start({ replies, settings: { WINDOW_MENU: '3/1s' } });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    simulator.faults.add({ fault: { delayMs: 2_500, followedBy: { errcode: -1 } } });
    await simulator.user('oUser').click('MENU');
    await settled(database, 2);
    expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['hello', 'event']);
  });
});
