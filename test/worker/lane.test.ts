import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const echo: Replies = ({ message }) => (message.kind === 'text' ? message.content : undefined);

describe('reply logic', () => {
  test('that throws is tried again, then its message fails, and the next message goes on', async () => {
    const { simulator, database, start } = await setStage();
    let calls = 0;
    await start({
      replies: ({ message }) => {
        if (message.kind === 'text' && message.content === 'bad') {
          calls += 1;
          throw new Error('no such\0 order');
        }
        return 'fine';
      },
    });
    await simulator.user('oUser').say('bad');
    await simulator.user('oUser').say('good');
    await simulator.waitForDelivered('oUser', 1);
    expect(calls).toBe(5);
    expect(
      await database.rows('select status, error from wechat.inbound_message order by id limit 1'),
    ).toEqual([{ status: 'failed', error: 'Error: no such order' }]);
  });

  test('that recovers is recorded once', async () => {
    const { simulator, database, start } = await setStage();
    let calls = 0;
    await start({
      replies: () => {
        calls += 1;
        if (calls < 3) throw new Error('not yet');
        return 'now';
      },
    });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['now']);
  });

  test('that hangs is ended by its time limit', async () => {
    const { simulator, database, start } = await setStage();
    const aborted: unknown[] = [];
    await start({
      settings: { REPLY_TIMEOUT: '0.05' },
      replies: ({ signal }) => {
        signal.addEventListener('abort', () => aborted.push(signal.reason));
        return new Promise(() => {});
      },
    });
    await simulator.user('oUser').say('hello');
    await waitFor('the message to fail', async () => {
      const [row] = await database.rows<{ status: string; error: string }>(
        'select status, error from wechat.inbound_message',
      );
      return row?.status === 'failed' && /longer than 50 ms/.test(row.error);
    });
    expect(aborted).toHaveLength(5);
  });

  test('that goes on behind its time limit keeps its place until it ends', async () => {
    const { simulator, start } = await setStage();
    const seen = { runs: 0, running: 0, most: 0 };
    await start({
      settings: { REPLY_TIMEOUT: '0.1', REPLY_CONCURRENCY: '1' },
      replies: async () => {
        seen.runs += 1;
        seen.running += 1;
        seen.most = Math.max(seen.most, seen.running);
        await sleep(150);
        seen.running -= 1;
        return undefined;
      },
    });
    await Promise.all(['oOne', 'oTwo', 'oThree'].map((openid) => simulator.user(openid).say('hello')));
    await waitFor('some runs', () => seen.runs >= 4);
    expect(seen.most).toBe(1);
  });

  test('that returns nonsense fails its message with what was wrong', async () => {
    const { simulator, database, start } = await setStage();
    await start({ replies: () => ({ type: 'hologram' }) as never });
    await simulator.user('oUser').say('hello');
    await waitFor('the message to fail', async () => {
      const [row] = await database.rows<{ error: string }>(
        `select error from wechat.inbound_message where status = 'failed'`,
      );
      return row?.error.includes('reply 1 has the unknown type "hologram"');
    });
    expect(await database.rows('select from wechat.delivery')).toEqual([]);
  });
});

test('a message for an account that is not configured waits for it, and loses nothing', async () => {
  const { simulator, database, start } = await setStage();
  await start({ role: 'ingress' });
  await simulator.user('oUser').say('hello');
  await database.pool.query(`update wechat.inbound_message set app_id = 'wxother'`);
  await database.pool.query(`update wechat.lane set app_id = 'wxother'`);
  const { logged } = await start({ role: 'worker' });
  const line = await waitFor('the log to say so', () =>
    logged.find(({ event }) => event === 'account_unknown'),
  );
  expect(line).toMatchObject({ app_id: 'wxother', msg: 'account wxother is not configured here' });
  const [lane] = await waitFor('the lane to be given back', async () => {
    const rows = await database.rows<Record<string, unknown>>(
      `select failures, due_at > now() + interval '4 minutes' as later from wechat.lane
       where claim is null and due_at > now()`,
    );
    return rows.length > 0 && rows;
  });
  expect(lane).toEqual({ failures: 0, later: true });
  expect(await database.rows('select status from wechat.inbound_message')).toEqual([{ status: 'received' }]);
});

const refuse = (table: string, condition: string) => `
  create function public.refuse() returns trigger language plpgsql as $$ begin raise 'out of order'; end $$;
  create trigger refuse before insert on ${table} for each row when (${condition}) execute function public.refuse()`;

describe('what nobody foresaw', () => {
  test('fails a message in the end whose reply cannot be stored, and the next one is answered', async () => {
    const { simulator, database, start } = await setStage();
    await database.pool.query(refuse('wechat.delivery', `new.payload ->> 'text' like '%bad%'`));
    const { logged } = await start({ replies: echo });
    await simulator.user('oUser').say('bad');
    await simulator.user('oUser').say('good');
    await simulator.waitForDelivered('oUser', 1);
    expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['good']);
    expect(
      await database.rows('select status, error from wechat.inbound_message order by id limit 1'),
    ).toEqual([{ status: 'failed', error: 'broken off: out of order' }]);
    expect(logged.filter(({ event }) => event === 'answer_broken_off')).toHaveLength(5);
  });

  test('ends a reply whose attempts cannot be recorded: it is sent a few times, and left to an operator', async () => {
    const { simulator, database, start } = await setStage();
    await database.pool.query(refuse('wechat.delivery_attempt', `new.errmsg = 'ok' and new.attempt < 100`));
    await start({ replies: () => ['one', 'two'] });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(simulator.inboxOf('oUser').length).toBeLessThanOrEqual(5);
    expect(await database.rows('select error from wechat.inbound_message')).toEqual([
      { error: 'broken off: out of order' },
    ]);
    expect(await database.rows('select status, errmsg from wechat.delivery order by position')).toEqual([
      { status: 'unknown', errmsg: 'broken off: out of order' },
      { status: 'failed', errmsg: 'broken off: out of order' },
    ]);
    expect(await database.rows('select from wechat.lane')).toEqual([]);
  });
});

test('secrets and what users write stay out of the log', async () => {
  const { account, simulator, database, start } = await setStage();
  const { logged } = await start({ replies: echo });
  simulator.faults.add({ fault: { errcode: -1 } });
  await simulator.user('oUser').say('my card number is 4711');
  await settled(database, 1);
  const log = JSON.stringify(logged);
  expect(log).toContain('"event":"attempt"');
  for (const secret of [
    account.appSecret,
    account.token,
    '4711',
    simulator.tokens.current(account.appId) ?? '',
  ]) {
    expect(log).not.toContain(secret);
  }
});
