/** The first engine's statements, frozen as today.sql is: five for a set of messages, by indexes whatever the planner thinks. */
import { type Held, type Model, openSessions, type Query } from './model.ts';
import { hello, namedByJobs, sentNow } from './sample.ts';

const workerId = 1;

const arriveSql = `
  with fresh as (
    insert into before.inbound_message
      (app_id, dedupe_key, openid, msg_type, event, event_key, content, created_at, payload, window_ends_at, window_quota,
       request_id)
    select app_id, dedupe_key, openid, msg_type, event, event_key, content, to_timestamp(create_time), payload,
      to_timestamp(window_ends_at), window_quota, request_id
    from json_to_recordset($1) as arrival (
      app_id text, dedupe_key text, openid text, msg_type text, event text, event_key text, content text,
      create_time float8, payload jsonb, window_ends_at float8, window_quota int, request_id text)
    on conflict (app_id, dedupe_key) do nothing
    returning id, app_id, dedupe_key, before.is_urgent(window_ends_at, created_at) as urgent
  ),
  job as (
    select before.add_answer_jobs(array_agg(id), array_agg(urgent), array_agg(now())) from fresh having count(*) > 0
  )
  select (select count(*) from job) as jobs,
    case when (select count(*) from fresh) < $2
      then (select coalesce(json_agg(json_build_array(app_id, dedupe_key)), '[]') from fresh)
    end as stored`;

const claimCandidates = `
  claimed as (
    update before.inbound_message m
    set claimed_by = $1, claimed_at = now(), reply_started_at = null,
        reply_attempts = m.reply_attempts + case m.status when 'received' then 1 else 0 end
    from candidate
    where m.id = any(array[candidate.id]) and m.status in ('received', 'answering') and m.claimed_by is null
      and m.due_at <= now()
      and (m.app_id = any($2) or (
        m.id = (
          select head.id from before.inbound_message head
          where head.app_id = m.app_id and head.openid = m.openid and head.settled_at is null
          order by head.id limit 1)
        and (
          select other.id from before.inbound_message other
          where other.app_id = m.app_id and other.openid = m.openid and other.settled_at is null
            and other.claimed_by is not null limit 1) is null))
      and exists (select from before.worker_process w where w.id = $1 and w.ended_at is null)
      and not exists (
        select from before.account_pause p where p.app_id = m.app_id and p.probe_message_id is distinct from m.id)
    returning m.id, m.app_id, m.openid, m.status, m.claimed_at, m.received_at, m.created_at, m.window_ends_at,
      m.window_quota, m.reply_attempts, m.crashes, m.payload, m.request_id
  )
  select id, app_id, openid, status, claimed_at::text, date_part('epoch', received_at) as received_at,
    date_part('epoch', window_ends_at) as window_ends_at, window_quota, reply_attempts, crashes, payload, request_id,
    before.is_urgent(window_ends_at, created_at) as is_urgent,
    case when before.is_urgent(window_ends_at, created_at) or window_ends_at <= now() then (
      select date_part('epoch', max(earlier.window_ends_at)) from before.inbound_message earlier
      where earlier.app_id = claimed.app_id and earlier.openid = claimed.openid
        and earlier.created_at > now() - interval '7 days'
    ) end as longest_window_ends_at,
    exists (select from before.account_pause p where p.probe_message_id = claimed.id) as is_probe,
    case when status = 'answering' then (
      select json_agg(json_build_object(
        'id', d.id::text, 'position', d.position, 'payload', d.payload, 'attempts', d.attempts,
        'failures', d.failures, 'ignoresWindow', d.ignores_window, 'started', case d.status when 'sending' then d.attempt_started_at end
      ) order by d.position)
      from before.delivery d
      where d.message_id = claimed.id and d.status in ('pending', 'sending')
    ) end as deliveries
  from claimed order by id`;

const claimSql = `with candidate as (select unnest($3::bigint[]) as id), ${claimCandidates}`;

const nextSql = `
  with candidate as (
    select next.id
    from (select distinct * from unnest($3::text[], $4::text[])) as conversation (app_id, openid)
    cross join lateral (
      select m.id from before.inbound_message m
      where m.app_id = conversation.app_id and m.openid = conversation.openid and m.settled_at is null
        and (m.claimed_by is null or m.app_id <> all($2))
      order by m.id limit 1
    ) next
  ), ${claimCandidates}`;

const planSql = `
  with input as (
    select *
    from unnest($1::bigint[], $2::int[], $3::int[], $4::text[], $5::jsonb[], $6::boolean[], $7::text[])
      as i (message_id, worker_id, position, msg_type, payload, starts, note)
  ),
  owned as (
    update before.inbound_message m set status = 'answering', error = coalesce(i.note, m.error)
    from (select distinct message_id, worker_id, note from input) i
    where m.id = any(array[i.message_id]) and m.claimed_by = any(array[i.worker_id])
      and m.status in ('received', 'answering')
    returning m.id, m.app_id, m.openid
  ),
  planned as (
    insert into before.delivery
      (message_id, position, app_id, openid, msg_type, payload, status, attempts, attempt_started_at)
    select owned.id, position, app_id, openid, msg_type, payload,
           case when starts then 'sending' else 'pending' end, starts::int, case when starts then now() end
    from owned join input on input.message_id = owned.id
    order by owned.id, position
    on conflict (message_id, position) do nothing
    returning id, message_id, position
  )
  select id, message_id, position from planned
  union all
  select d.id, d.message_id, d.position from before.delivery d join owned on d.message_id = any(array[owned.id])
  where (select count(*) from planned) < (select count(*) from owned join input on input.message_id = owned.id)`;

const recordSql = `
  with input as (
    select *
    from unnest($1::bigint[], $2::bigint[], $3::int[], $4::int[], $5::timestamptz[], $6::timestamptz[], $7::text[],
                $8::int[], $9::int[], $10::text[], $11::text[], $12::int[], $13::float8[], $14::boolean[])
      as i (delivery_id, message_id, worker_id, attempt, started_at, finished_at, outcome,
            http_status, errcode, errmsg, status, failures, delay_ms, settles)
  ),
  attempt as (
    insert into before.delivery_attempt
      (delivery_id, attempt, started_at, finished_at, outcome, http_status, errcode, errmsg)
    select delivery_id, attempt, started_at, finished_at, outcome, http_status, errcode, errmsg
    from input where outcome is not null
    on conflict (delivery_id, attempt) do nothing
  ),
  recorded as (
    update before.delivery d
    set status = i.status, failures = i.failures, errcode = i.errcode, errmsg = i.errmsg,
        sent_at = case when i.status = 'sent' then now() end,
        next_attempt_at = now() + i.delay_ms * interval '1 ms'
    from input i
    where d.id = any(array[i.delivery_id]) and d.attempts = i.attempt and d.status in ('pending', 'sending')
      and (i.outcome is not null or i.worker_id = (
        select m.claimed_by from before.inbound_message m where m.id = i.message_id))
    returning d.id, i.message_id, i.worker_id, i.settles
  ),
  settled as (
    update before.inbound_message m
    set status = 'settled', settled_at = now(), claimed_by = null, claimed_at = null
    from recorded r
    where r.settles and m.id = any(array[r.message_id]) and m.claimed_by = any(array[r.worker_id])
  )
  select id from recorded`;

interface Row {
  id: string;
  app_id: string;
  openid: string;
}

const toHeld = ({ id, app_id, openid }: Row): Held => ({
  appId: app_id,
  openid,
  messageId: id,
  deliveryId: '',
  laneId: '',
  claim: '',
  arrivals: null,
  doneId: '',
});

async function plan(query: Query, held: readonly Held[]): Promise<Held[]> {
  const stored = await query<{ id: string; message_id: string }>('plan', planSql, [
    held.map(({ messageId }) => messageId),
    held.map(() => workerId),
    held.map(() => 1),
    held.map(() => 'text'),
    held.map(() => hello),
    held.map(() => true),
    held.map(() => null),
  ]);
  const deliveryOf = new Map(stored.map(({ id, message_id }) => [message_id, id]));
  return held.map((one) => ({ ...one, deliveryId: deliveryOf.get(one.messageId) ?? '' }));
}

async function record(query: Query, held: readonly Held[]): Promise<void> {
  const { startedAt, finishedAt } = sentNow();
  await query('record', recordSql, [
    held.map(({ deliveryId }) => deliveryId),
    held.map(({ messageId }) => messageId),
    held.map(() => workerId),
    held.map(() => 1),
    held.map(() => startedAt),
    held.map(() => finishedAt),
    held.map(() => 'sent'),
    held.map(() => 200),
    held.map(() => 0),
    held.map(() => 'ok'),
    held.map(() => 'sent'),
    held.map(() => 0),
    held.map(() => null),
    held.map(() => true),
  ]);
}

export const todaySchema = new URL('today.sql', import.meta.url);

const tables = 'before.inbound_message, before.delivery, before.delivery_attempt';

/** The lab has created the tables: the limit program works on them too. */
export const today: Model = {
  name: 'today',
  async open(connectionString) {
    const { durable, relaxed, run, end } = openSessions(connectionString, {
      enable_seqscan: 'off',
      plan_cache_mode: 'force_generic_plan',
    });
    return {
      async arrive(arrivals) {
        await durable('arrive', arriveSql, [JSON.stringify(arrivals), arrivals.length]);
      },
      named: () => namedByJobs(durable, 'ids'),
      claim: async (ids) => (await relaxed<Row>('claim', claimSql, [workerId, [], ids])).map(toHeld),
      plan: (held) => plan(durable, held),
      async settle(held) {
        await record(durable, held);
        return [];
      },
      async next(held) {
        const openids = held.map(({ openid }) => openid);
        const values = [workerId, [], held.map(({ appId }) => appId), openids];
        return (await relaxed<Row>('next', nextSql, values)).map(toHeld);
      },
      empty: () => run(`truncate ${tables}, graphile_worker._private_jobs restart identity`),
      vacuum: () => run(`vacuum ${tables}`),
      analyze: () => run(`analyze ${tables}`),
      close: end,
    };
  },
};
