import type { PoolClient } from 'pg';
import { dropGuards, dropKept, idsAfter } from './clear.js';
import { dropMessages } from './copy-messages.js';
import { isOver } from './figures.js';
import { MoveError } from './move-error.js';
import { addPause, ring } from './open.js';
import { changePhase, lockPhases, type MoveRecord, requirePhase } from './record.js';
import { inTransactionWithTries, type Sides } from './sides.js';

/**
 * Calls the move off: the account stays where it was. First the target is told, for good: it takes no more pushes, and can no
 * longer be opened. What it took meanwhile goes to the source, which then works again; what was copied goes last.
 *
 * @throws MoveError where the target works for the account already, or did
 */
export async function callOff(
  sides: Sides,
  { atSource, atTarget }: { atSource: MoveRecord | undefined; atTarget: MoveRecord | undefined },
): Promise<void> {
  const { appId, source, target, words } = sides;
  if (atTarget?.phase === 'open' && atTarget.side === 'target') throw new MoveError(words.tooLate(appId));
  // The target lost that it was opened: what is there may be nowhere else.
  if (
    atSource &&
    atTarget &&
    atSource.moveId === atTarget.moveId &&
    ['left', 'gone'].includes(atSource.phase)
  )
    throw new MoveError(words.doNotFit(appId, atSource.phase, atTarget.phase));
  if (atTarget?.phase === 'filling') await refuseAtTarget(sides);
  const isOurs = atSource?.side === 'source' && ['copying', 'held', 'closed'].includes(atSource.phase);
  sides.alone();
  if (isOurs) await takePushes(sides);
  const isFilled = atTarget?.side === 'target' && ['filling', 'refused'].includes(atTarget.phase);
  if (isFilled) await bringBack(sides, atTarget);
  if (isOurs) await workAgain(sides);
  await dropGuards(source, appId);
  if (!isFilled) return;
  await clearTarget(sides, atTarget);
  await dropGuards(target, appId);
}

async function refuseAtTarget({ appId, target }: Sides): Promise<void> {
  await inTransactionWithTries(target, async (client) => {
    await client.query(`select wechat.guard_move($1, 'arrival')`, [appId]);
    await lockPhases(client);
    await changePhase(client, appId, { from: ['filling'], to: 'refused' });
  });
}

/** The source stores again, but answers nobody yet: what the target took comes before. */
async function takePushes({ appId, source }: Sides): Promise<void> {
  await inTransactionWithTries(source, async (client) => {
    await lockPhases(client);
    await client.query(
      `update wechat.account_move set phase = 'held', changed_at = now() where app_id = $1 and phase = 'closed'`,
      [appId],
    );
  });
}

/**
 * What came to the target of its own, in its order. Lanes come first, and the messages from a join on them, as where pushes are
 * stored (src/outbox/arrive.ts). A message that is at the source already stays as it is.
 */
const arriveAgain = `
  with input as materialized (
    select * from json_populate_recordset(null::wechat.inbound_message, $1::json)
  ),
  lane as (
    insert into wechat.lane as l (app_id, openid, slot, arrivals, waiting, waiting_since, done_id, urgent_until)
    select app_id, openid, slot, count(*), count(*), min(received_at), (select nextval('wechat.inbound_message_id_seq')),
      max(window_ends_at) filter (where wechat.is_urgent(window_ends_at, created_at))
    from input group by app_id, openid, slot order by app_id, openid, slot
    on conflict (app_id, openid, slot) do update
    set arrivals = l.arrivals + excluded.arrivals, waiting = l.waiting + excluded.waiting,
        urgent_until = greatest(l.urgent_until, excluded.urgent_until)
    returning l.app_id, l.openid, l.slot
  ),
  noted as (
    insert into wechat.changed_day (day)
    select distinct wechat.china_day(received_at) from input where ${isOver('received_at')}
  )
  insert into wechat.inbound_message
    (app_id, openid, slot, dedupe_key, request_id, msg_type, event, event_key, content, payload, created_at, received_at,
     window_ends_at, window_quota)
  select i.app_id, i.openid, i.slot, i.dedupe_key, i.request_id, i.msg_type, i.event, i.event_key, i.content, i.payload,
    i.created_at, i.received_at, i.window_ends_at, i.window_quota
  from input i join lane l on (l.app_id, l.openid, l.slot) = (i.app_id, i.openid, i.slot)
  order by i.id
  on conflict (app_id, dedupe_key) do nothing`;

/**
 * What came to the source while the target had the router's ear, or after, has ids of before: those of a conversation that something is
 * brought back to, and that nobody has looked at yet, are numbered anew by the time they were stored. The lanes are locked.
 */
const unnumbered = `
  select m.id
  from (
    select openid, slot, min(received_at) as received_at
    from json_populate_recordset(null::wechat.inbound_message, $2::json) group by openid, slot
  ) first
  join wechat.inbound_message m on m.app_id = $1 and (m.openid, m.slot) = (first.openid, first.slot)
  where m.settled_at is null and m.received_at >= first.received_at and m.merged_into is null and m.merged_count is null
    and not exists (select from wechat.delivery d where d.message_id = m.id)
    and not exists (select from wechat.once_result o where o.message_id = m.id)
    and not exists (select from wechat.model_call c where c.message_id = m.id)
    and not exists (select from wechat.reply_callback c where c.message_id = m.id)
    and not exists (select from wechat.reply_check c where c.message_id = m.id)
    and not exists (select from wechat.inbound_media i where i.message_id = m.id)
    and not exists (select from wechat.model_rest r where r.message_id = m.id)
    and not exists (
      select from wechat.user_usage u
      where (u.app_id, u.openid) = (m.app_id, m.openid)
        and (m.id = any(u.message_ids)
          or exists (select from jsonb_each(u.notices) notice where (notice.value ->> 'id')::bigint = m.id)))
  order by m.received_at, m.id`;

async function numberAnew(client: PoolClient, appId: string, found: string): Promise<void> {
  const { rows } = await client.query<{ id: string }>(unnumbered, [appId, found]);
  for (const { id } of rows)
    await client.query('update wechat.inbound_message set id = default where id = $1', [id]);
}

async function bringBack(sides: Sides, record: MoveRecord): Promise<void> {
  const { appId, source, target } = sides;
  const { blockEnds } = record;
  for (;;) {
    const ids = await idsAfter(target, appId, { after: blockEnds, upTo: undefined });
    if (ids.length === 0) return;
    const { rows } = await target.query<{ found: string }>(
      `select json_agg(t order by t.id)::text as found from wechat.inbound_message t where t.id = any($1::bigint[])`,
      [ids],
    );
    await inTransactionWithTries(source, async (client) => {
      const found = rows[0]?.found ?? '[]';
      await client.query(arriveAgain, [found]);
      await numberAnew(client, appId, found);
      await ring(client, appId);
    });
    await dropAtTarget(sides, record, ids);
  }
}

function dropAtTarget(sides: Sides, record: MoveRecord, ids: readonly string[]): Promise<void> {
  return inTransactionWithTries(sides.target, async (client) => {
    await requirePhase(client, sides, record, 'refused');
    await dropMessages(client, sides.appId, ids);
  });
}

async function workAgain({ appId, source }: Sides): Promise<void> {
  await inTransactionWithTries(source, async (client: PoolClient) => {
    await lockPhases(client);
    const { rows } = await client.query<{ phase: string; pause: string | null }>(
      'delete from wechat.account_move where app_id = $1 returning phase, pause_before::text as pause',
      [appId],
    );
    const [row] = rows;
    if (row && row.phase !== 'copying') {
      await client.query('delete from wechat.account_pause where app_id = $1', [appId]);
      if (row.pause !== null) await addPause(client, row.pause);
    }
    await client.query('delete from wechat.account_move_change where app_id = $1', [appId]);
    await client.query('select wechat.record_action($1, $2, $3, 1)', [
      'move_account',
      appId,
      JSON.stringify({ phase: 'called off' }),
    ]);
    await ring(client, appId);
  });
}

/** Copies alone: what was there before stays. */
async function clearTarget(sides: Sides, record: MoveRecord): Promise<void> {
  const { offsets, blockEnds } = record;
  const { appId, target } = sides;
  for (let after = offsets.message; ; ) {
    const ids = await idsAfter(target, appId, { after, upTo: blockEnds });
    const last = ids.at(-1);
    if (last === undefined) break;
    await dropAtTarget(sides, record, ids);
    after = last;
  }
  await inTransactionWithTries(target, async (client) => {
    await requirePhase(client, sides, record, 'refused');
    await dropKept(client, appId);
    await lockPhases(client);
    await changePhase(client, appId, { from: ['refused'], to: 'gone' });
    await client.query('delete from wechat.account_pause where app_id = $1', [appId]);
  });
}
