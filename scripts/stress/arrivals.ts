import { setTimeout as sleep } from 'node:timers/promises';
import { createArrive } from '#src/outbox/arrive.js';
import type { InboundMessage } from '#src/wechat/in/message.js';
import { defaultWindows, replyWindow } from '#src/wechat/in/window.js';
import { type Arena, accounts, anyAccount } from './arena.ts';
import { openShaky } from './connection.ts';

/** Most of what comes is of users who never leave off writing; others come to an end of it. */
const hotUsers = 10;
const otherUsers = 40;
const otherShare = 0.2;
export const userCount = hotUsers + otherUsers;
const largestGroup = 10;
const duplicateShare = 0.25;

/** Nothing more comes while so many wait, so that the end is near when time is up. */
const mostOpen = 100;

/** Ids of messages that were sent lately, to be sent again. */
const remembered = 200;

/** Pushes groups of messages, some of them again and again, until told to stop. */
export async function pushMessages(arena: Arena, name: string, isOver: () => boolean): Promise<void> {
  const { random, counts } = arena;
  const connection = openShaky(arena, { name, rollBack: 0.1, loseResult: 0.02 });
  const arrive = createArrive(connection.pool);
  const sent: { appId: string; message: InboundMessage }[] = [];
  let last = 0;

  function next(): { appId: string; message: InboundMessage } {
    const again = sent[Math.floor(random() * sent.length)];
    if (again && random() < duplicateShare) return again;
    last += 1;
    const appId = anyAccount(random);
    const user = random() < otherShare ? hotUsers + random() * otherUsers : random() * hotUsers;
    const openid = `o${Math.floor(user)}`;
    const fresh = { appId, message: textOf(openid, `${name}-${last}`) };
    sent.push(fresh);
    if (sent.length > remembered) sent.shift();
    return fresh;
  }

  while (!isOver()) {
    const group = Array.from({ length: 1 + Math.floor(random() * largestGroup) }, next);
    const results = await arrive(
      group.map(({ appId, message }) => ({
        appId,
        ordered: appId !== accounts.unordered,
        message,
        window: replyWindow(message, defaultWindows),
      })),
    );
    for (const result of results) counts[result === 'stored' ? 'stored' : 'duplicates'] += 1;
    do await sleep(random() * 100);
    while (!isOver() && (await isFull(arena)));
  }
  await connection.close();
}

async function isFull({ pool }: Arena): Promise<boolean> {
  const { rows } = await pool.query<{ open: number }>(
    'select count(*)::int as open from wechat.inbound_message where settled_at is null',
  );
  return (rows[0]?.open ?? 0) > mostOpen;
}

function textOf(openid: string, msgId: string): InboundMessage {
  const createTime = Math.floor(Date.now() / 1_000);
  const fields = { FromUserName: openid, CreateTime: String(createTime), MsgType: 'text', MsgId: msgId };
  return { kind: 'text', toUserName: 'gh', openid, createTime, content: msgId, msgId, fields };
}
