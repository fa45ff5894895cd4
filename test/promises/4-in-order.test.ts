import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import { setStage, settled } from '../support/stage.js';

/**
 * Locks, commits and claims that take their time, as over a network or on a busy disk: by that, what is quick here and never
 * meets comes to meet.
 */
const slowness = `
  create function be_slow() returns trigger language plpgsql as $$
  begin
    if random() < 0.3 then perform pg_sleep(random() * 0.02); end if;
    return new;
  end $$;
  create trigger slow_lock before insert on wechat.lane for each row execute function be_slow();
  create constraint trigger slow_commit after insert on wechat.inbound_message
    deferrable initially deferred for each row execute function be_slow();
  create trigger slow_claim after update on wechat.lane for each statement execute function be_slow();`;

const users = 40;
const burst = 6;

/** Reply logic that notes where two messages of a user are answered side by side, and what it is asked twice. */
function watchingReplies() {
  const running = new Map<string, number>();
  const asked = new Set<string>();
  const beside: string[] = [];
  const again: string[] = [];
  const replies: Replies = async ({ message }) => {
    if (message.kind !== 'text') return undefined;
    const { openid, content } = message;
    const question = `${openid} ${content}`;
    if (asked.has(question)) again.push(question);
    asked.add(question);
    const others = running.get(openid) ?? 0;
    if (others > 0) beside.push(question);
    running.set(openid, others + 1);
    await sleep(Math.random() * 20);
    running.set(openid, (running.get(openid) ?? 1) - 1);
    return content;
  };
  return { replies, beside, again };
}

test('bursts of many users over several processes are answered one by one, in the order in which they were stored', {
  timeout: 90_000,
}, async () => {
  const { simulator, database, start } = await setStage();
  await database.pool.query(slowness);
  const { replies, beside, again } = watchingReplies();
  const ingresses = [await start({ role: 'ingress' }), await start({ role: 'ingress' })];
  await start({ role: 'worker', replies });
  await start({ role: 'worker', replies });

  const say = (openid: string, text: string) => {
    simulator.setWebhookUrl(ingresses[Math.floor(Math.random() * 2)]?.webhookUrl ?? '');
    return simulator.user(openid).say(text);
  };
  const sayAll = async (_: unknown, user: number) => {
    const pushes: Promise<unknown>[] = [];
    for (let n = 0; n < burst; n += 2) {
      pushes.push(say(`o${user}`, `${n}`), say(`o${user}`, `${n + 1}`));
      // The next two come before these are answered, while they are, or when it has just been done.
      await sleep(Math.random() * 200);
    }
    await Promise.all(pushes);
  };
  await Promise.all(Array.from({ length: users }, sayAll));
  await settled(database, users * burst);

  expect(beside).toEqual([]);
  expect(again).toEqual([]);
  const stored = await database.rows<{ openid: string; contents: string[] }>(
    'select openid, array_agg(content order by id) as contents from wechat.inbound_message group by openid',
  );
  for (const { openid, contents } of stored)
    expect(simulator.inboxOf(openid).map(({ text }) => text)).toEqual(contents);
});

const echo: Replies = ({ message }) => (message.kind === 'text' ? message.content : undefined);

describe('a conversation', () => {
  test('is answered in order while others overtake it', async () => {
    const { simulator, database, start } = await setStage();
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    await start({
      replies: async ({ message }) => {
        if (message.kind !== 'text') return undefined;
        if (message.content === 'slow') await opened;
        return message.content;
      },
    });
    await simulator.user('oSlow').say('slow');
    for (const text of ['b', 'c', 'd']) await simulator.user('oSlow').say(text);
    await simulator.user('oOther').say('quick');
    await simulator.waitForDelivered('oOther', 1);
    expect(simulator.inboxOf('oSlow')).toEqual([]);
    open();
    const inbox = await simulator.waitForDelivered('oSlow', 4);
    expect(inbox.map(({ text }) => text)).toEqual(['slow', 'b', 'c', 'd']);
    await settled(database, 5);
  });

  test('keeps its order over retries, with several workers', async () => {
    const { simulator, database, start } = await setStage();
    await start({ replies: echo });
    await start({ role: 'worker', replies: echo });
    await start({ role: 'worker', replies: echo });
    simulator.faults.ratio(0.3, { errcode: -1 }, 7);
    const users = Array.from({ length: 20 }, (_, index) => simulator.user(`oUser${index}`));
    const texts = ['1', '2', '3', '4', '5'];
    await Promise.all(
      users.map(async (user) => {
        for (const text of texts) await user.say(text);
      }),
    );
    await settled(database, users.length * texts.length);
    for (const { openid } of users) {
      expect(simulator.inboxOf(openid).map(({ text }) => text)).toEqual(texts);
    }
  });
});
