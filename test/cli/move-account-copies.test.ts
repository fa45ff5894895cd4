import { expect, test } from 'vitest';
import { clearSource } from '../../src/cli/move/clear.js';
import { MoveError } from '../../src/cli/move/move-error.js';
import { openTarget } from '../../src/cli/move/open.js';
import { copyInRounds, copyRound } from '../../src/cli/move/rounds.js';
import { tell } from '../support/history.js';
import { setTwoDatabases, type TwoDatabases } from '../support/two-databases.js';

test('messages that nobody has answered yet are no reason for another round', {
  timeout: 30_000,
}, async () => {
  const { source, appId, sides, prepare } = await setTwoDatabases();
  await source.pool.query(
    `insert into wechat.inbound_message (app_id, openid, dedupe_key, msg_type, payload, created_at)
     select $1, 'oUser', n::text, 'text', '{}', now() from generate_series(1, 2100) n`,
    [appId],
  );
  const { atSource } = await prepare();
  expect(await copyRound(sides, atSource, { openToo: false })).toBe(0);
  expect(await copyRound(sides, atSource, { openToo: false })).toBe(0);
  await copyInRounds(sides, atSource);
  expect(await source.rows('select count(*)::int as n from wechat.account_move_change')).toEqual([
    { n: 2100 },
  ]);
});

const days = async ({ rows }: TwoDatabases['source']) =>
  (await rows<{ day: string }>('select distinct day::text from wechat.changed_day order by 1')).map(
    ({ day }) => day,
  );

/** The days in China of so many hours ago, counted from the full hour as `tell` does. */
async function daysAgo({ rows }: TwoDatabases['source'], hours: number[]): Promise<string[]> {
  const found = await rows<{ day: string }>(
    `select distinct wechat.china_day(date_trunc('hour', now()) - hours * interval '1 hour')::text as day
     from unnest($1::integer[]) hours order by 1`,
    [hours],
  );
  return found.map(({ day }) => day);
}

test('days whose messages come or go with a move are counted again, at both sides', async () => {
  const { source, target, appId, sides, prepare, setPhase } = await setTwoDatabases();
  await tell(source.pool, appId, [
    { openid: 'oOld', hoursAgo: 24 * 9, text: 'old', replies: [{ text: 'answered much later', seconds: 1 }] },
    { openid: 'oOld', hoursAgo: 24 * 5, text: 'later' },
    { openid: 'oNew', hoursAgo: 0, text: 'of today' },
  ]);
  await source.pool.query(`update wechat.delivery set created_at = created_at + interval '2 days'`);
  const over = await daysAgo(source, [24 * 9, 24 * 7, 24 * 5]);
  for (const { pool } of [source, target])
    for (const day of over) await pool.query('select wechat.count_day($1)', [day]);
  await source.pool.query('delete from wechat.changed_day');

  const { atSource } = await prepare();
  await copyRound(sides, atSource, { openToo: true });
  expect(await days(target)).toEqual(over);
  expect(await days(source)).toEqual([]);

  await setPhase(source, 'left');
  await setPhase(target, 'open');
  await clearSource(sides, atSource);
  expect(await days(source)).toEqual(over);
});

/** Both sides held, and what came to the target is called back. */
async function bringBack(two: TwoDatabases, hoursAgo: number): Promise<void> {
  const { source, target, appId, move, abort } = two;
  await source.pool.query(`update wechat.inbound_message set dedupe_key = 'of the source ' || id`);
  expect(await move(async () => false)).toBe('waiting');
  await tell(target.pool, appId, [{ openid: 'oUser', hoursAgo, text: 'at the target', status: 'received' }]);
  await abort();
}

test('a day of which something comes back from the target when a move is called off is counted again', async () => {
  const two = await setTwoDatabases();
  await bringBack(two, 48);
  expect(await two.source.rows('select content from wechat.inbound_message')).toEqual([
    { content: 'at the target' },
  ]);
  const [day] = await daysAgo(two.source, [48]);
  expect(await days(two.source)).toEqual([day]);
  expect(await days(two.target)).toEqual([day]);
});

test('a message that anything refers to keeps its id when a move is called off', async () => {
  const two = await setTwoDatabases();
  const { source, appId } = two;
  const kinds = ['none', 'media', 'check', 'usage', 'notice', 'rest'];
  await tell(
    source.pool,
    appId,
    kinds.map((text) => ({ openid: 'oUser', hoursAgo: 1, text, status: 'received' as const })),
  );
  const before = await source.rows<{ id: string; content: string }>(
    'select id, content from wechat.inbound_message',
  );
  const idOf = (kind: string) => before.find(({ content }) => content === kind)?.id;
  await source.pool.query(
    `insert into wechat.inbound_media (message_id, position, content_type, bytes, content) values (${idOf('media')}, 0, 'image/png', 3, '\\x010203');
     insert into wechat.reply_check (message_id, position, category, app_id, action, places) values (${idOf('check')}, 0, 'a', '${appId}', 'mask', 1);
     insert into wechat.model_rest (message_id, app_id, openid, parts) values (${idOf('rest')}, '${appId}', 'oUser', '{a}');
     insert into wechat.user_usage (app_id, openid, message_ids, used_at, notices, kept_until)
     values ('${appId}', 'oUser', array[${idOf('usage')}], array[now()], '{"60": {"id": ${idOf('notice')}, "at": "2026-01-01T00:00:00Z"}}', now() + interval '1 day')`,
  );
  await bringBack(two, 2);
  const after = await source.rows<{ id: string; content: string }>(
    'select id, content from wechat.inbound_message',
  );
  const renumbered = before.filter(({ id }) => !after.some((one) => one.id === id));
  expect(renumbered.map(({ content }) => content)).toEqual(['none']);
  expect(after).toHaveLength(kinds.length + 1);
});

/** As a failover to a standby leaves it that lacks the last of these commits. */
async function loseCopy({ target }: TwoDatabases, content: string): Promise<void> {
  await target.pool.query('delete from wechat.inbound_message where content = $1', [content]);
  await target.pool.query('update wechat.account_move set copies = copies - 1');
}

const contentsAt = async ({ rows }: TwoDatabases['source']) =>
  (await rows<{ content: string }>('select content from wechat.inbound_message order by id')).map(
    ({ content }) => content,
  );

const answered = ['one', 'two', 'three'].map((text) => ({ openid: 'oUser', hoursAgo: 1, text }));

test.each(['copying', 'held', 'closed'])(
  'copies that the target lost with its last commits are made anew when the source is %s',
  async (phase) => {
    const two = await setTwoDatabases();
    const { source, target, appId, sides, prepare, setPhase } = two;
    await tell(source.pool, appId, answered);
    if (phase === 'copying') await copyRound(sides, (await prepare()).atSource, { openToo: false });
    else expect(await two.move(async () => false)).toBe('waiting');
    await setPhase(source, phase);
    await loseCopy(two, 'two');
    expect(await two.move()).toBe('moved');
    expect(await contentsAt(target)).toEqual(['one', 'two', 'three']);
    expect(await contentsAt(source)).toEqual([]);
  },
);

test('a command under which the target loses copies neither copies more nor opens it, and its next run copies all anew', async () => {
  const two = await setTwoDatabases();
  const { source, target, appId, sides, prepare, setPhase } = two;
  await tell(source.pool, appId, answered);
  const { atSource, atTarget } = await prepare();
  await copyRound(sides, atSource, { openToo: true });
  await loseCopy(two, 'three');
  await source.pool.query(`update wechat.inbound_message set content = 'changed' where content = 'one'`);
  await expect(copyRound(sides, atSource, { openToo: true })).rejects.toThrow(MoveError);
  await setPhase(source, 'closed');
  await expect(openTarget(sides, atTarget)).rejects.toThrow(/has lost copies/);
  expect(await two.phases()).toEqual(['closed', 'filling']);
  expect(await two.move()).toBe('moved');
  expect(await contentsAt(target)).toEqual(['changed', 'two', 'three']);
});

test('a target that lost the move itself is named, and the move can be called off', async () => {
  const two = await setTwoDatabases();
  expect(await two.move(async () => false)).toBe('waiting');
  await two.target.pool.query('delete from wechat.account_move');
  await expect(two.move()).rejects.toThrow(/knows nothing of the move/);
  await two.abort();
  expect(await two.phases()).toEqual([undefined, undefined]);
});
