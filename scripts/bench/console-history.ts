import { countNextDay } from '#src/worker/count-days.js';
import type { Lab } from './lab.ts';
import { storeMessages } from './messages.ts';
import { account } from './pushes.ts';

/** The third rests, with all that waits; to the last hardly anybody writes. */
export const accounts = [
  { appId: account.appId, name: 'Bookshop' },
  { appId: 'wx000000000news', name: 'News' },
  { appId: 'wx000000000rests', name: 'Garden' },
  { appId: 'wx00000000000rare', name: 'Museum' },
] as const;

export const [main, news, resting, rare] = accounts;

/** The user who wrote more than all others, evenly over the year. */
export const busiest = { appId: main.appId, openid: 'oBusiest', messages: 20_000 };

/** Messages that wait, and their users. */
export const waiting = { appId: resting.appId, messages: 3_000, users: 1_000 };

export const phrases = [
  ...['你好，请问怎么退款？', '我的订单到哪里了', '今天几点关门？', '有没有新书推荐', '会员卡怎么办理'],
  ...['谢谢', '人工', '发票怎么开', '地址在哪里', '可以预约吗', '这本书还有货吗', '优惠券用不了', '密码忘了'],
  ...['怎么取消订阅', '活动什么时候开始', '收到的书有破损', '能送到上海吗', '多少钱', '在吗', 'hello'],
];

/** The same numbers in every run, between 0 and 1: `$1` and what it is drawn for. */
const drawSql = `
  create schema desk;
  create function desk.draw(n bigint, topic bigint) returns double precision immutable parallel safe language sql
  return (hashint8extended(n, topic) & 2147483647) / 2147483648.0::double precision;
  create function desk.account(n bigint) returns text immutable parallel safe language sql
  return case when desk.draw(n, 1) < 0.7 then '${main.appId}' when desk.draw(n, 1) < 0.9 then '${news.appId}'
    when desk.draw(n, 1) < 0.999 then '${resting.appId}' else '${rare.appId}' end`;

/**
 * $1 from · $2 up to · $3 of how many · $4 users · $5 when the last of them came · $6 phrases
 *
 * Users write the more the lower their number (a hundredth of them a tenth of all); an account's users are its own. Of a hundred messages 83
 * are texts and the like, 17 events; three in a thousand failed, five were left to a person.
 */
const messagesSql = `
  with drawn as (
    select n, $5::timestamptz - ($3::bigint - n) * (interval '1 year' / $3::bigint) as at,
      n % greatest(2, $3::bigint / ${busiest.messages}) = 0 as busiest,
      floor($4::int * desk.draw(n, 2) ^ 2)::bigint as u, desk.draw(n, 3) as kind, desk.draw(n, 4) as what, desk.draw(n, 6) as ending
    from generate_series($1::bigint, $2::bigint) n
  ),
  told as (
    select *, case when busiest then '${busiest.appId}' else desk.account(u) end as app_id,
      case when busiest then '${busiest.openid}' else 'oDesk' || u end as openid,
      case when kind < 0.75 then 'text' when kind < 0.80 then 'image' when kind < 0.83 then 'voice' else 'event' end as msg_type,
      case when kind >= 0.83 then case when what < 0.5 then 'click' when what < 0.75 then 'view' when what < 0.87 then 'subscribe'
        when what < 0.92 then 'unsubscribe' else 'scan' end end as event,
      case when kind < 0.75 then ($6::text[])[1 + floor(what * cardinality($6::text[]))::int] || ' ' || n end as content
    from drawn
  ),
  message as (
    insert into wechat.inbound_message
      (id, app_id, dedupe_key, openid, msg_type, event, event_key, content, created_at, received_at, payload, status, settled_at, error,
       for_agent, window_ends_at, window_quota)
    overriding system value
    select n, app_id, 'desk:' || lpad(n::text, 12, '0'), openid, msg_type, event,
      case event when 'click' then 'KEY' || n % 12 when 'scan' then 'shop' || n % 40 when 'subscribe' then 'qrscene_shop' || n % 40
        when 'view' then 'https://shop.example.com/' || n % 9 end,
      content, date_trunc('second', at), at,
      jsonb_strip_nulls(jsonb_build_object('ToUserName', 'gh_bench', 'FromUserName', openid, 'MsgType', msg_type,
        'CreateTime', extract(epoch from at)::bigint::text, 'Content', content, 'Event', event, 'MsgId', (10^15 + n)::bigint::text)),
      case when ending < 0.003 then 'failed' else 'settled' end, at + interval '2 seconds',
      case when ending < 0.003 then 'the shop did not answer' end, ending >= 0.003 and ending < 0.008,
      case when event is null then at + interval '48 hours' when event in ('click', 'scan', 'subscribe') then at + interval '1 minute' end,
      case when event is null then 5 when event in ('click', 'scan', 'subscribe') then 3 end
    from told
    returning id, app_id, openid, event, status, for_agent, received_at
  )`;

/** A text has one reply or two, a new follower three; of a hundred deliveries two and a half ended unsent; one in twenty took two attempts. */
const repliesSql = `,
  planned as (
    select m.*, position, desk.draw(m.id * 8 + position, 7) as ending, desk.draw(m.id * 8 + position, 8) < 0.05 as again
    from message m
    cross join lateral generate_series(1, case
      when m.status = 'failed' or m.event in ('view', 'unsubscribe') then 0
      when m.event = 'subscribe' then 3 when m.event is null and desk.draw(m.id, 9) < 0.1 then 2 else 1 end) position
  ),
  reply as (
    insert into wechat.delivery
      (id, message_id, position, app_id, openid, origin, agent, msg_type, payload, status, attempts, failures, errcode, errmsg, created_at,
       attempt_started_at, sent_at)
    overriding system value
    select id * 3 + position, id, position, app_id, openid, case when for_agent then 'agent' else 'reply' end, case when for_agent then 'agent' || id % 5 end,
      case when event = 'subscribe' then 'news' else 'text' end,
      case when event = 'subscribe' then jsonb_build_object('msgtype', 'news', 'news', jsonb_build_object('articles', jsonb_build_array(
          jsonb_build_object('title', '欢迎', 'description', '从这里开始', 'url', 'https://shop.example.com', 'picurl', ''))))
        else jsonb_build_object('msgtype', 'text', 'text', jsonb_build_object('content', '您好，您的问题我们已经收到，编号 ' || id)) end,
      state, case when state = 'cancelled' then 0 when again then 2 else 1 end, case when again then 1 else 0 end,
      case state when 'sent' then 0 when 'failed' then (array[45002, 40003, 43004])[1 + id % 3] when 'expired' then 45015 end,
      case state when 'failed' then 'refused rid: 6a1b-2c3d' when 'expired' then 'response out of time limit' end,
      received_at + interval '0.1 s', case when state <> 'cancelled' then received_at + interval '0.1 s' end,
      case when state = 'sent' then received_at + interval '0.2 s' + desk.draw(id, 10) * interval '2 s' end
    from (select *, case when ending < 0.015 then 'failed' when ending < 0.022 then 'expired' when ending < 0.024 then 'unknown'
            when ending < 0.025 then 'cancelled' else 'sent' end as state from planned) planned
    returning id, status, attempts, errcode, errmsg, created_at
  )
  insert into wechat.delivery_attempt (delivery_id, attempt, started_at, finished_at, outcome, http_status, errcode, errmsg)
  select id, attempt, created_at, created_at + interval '80 ms',
    case when attempt < attempts then 'transient' when status = 'sent' then 'sent' when status = 'unknown' then 'unknown' else 'permanent' end,
    case when status <> 'unknown' then 200 end, case when attempt < attempts then -1 else errcode end,
    case when attempt < attempts then 'system error' else errmsg end
  from reply cross join lateral generate_series(1, attempts) attempt`;

/** Of the last conversations 200 are with a person or wait for one; 20,000 were; people did 50,000 things. */
const peopleSql = `
  insert into wechat.handover (app_id, openid, agent, reason, requested_at, taken_at, read_up_to)
  select app_id, openid, case when n % 2 = 0 then 'agent' || n % 5 end, case when n % 2 = 1 then '人工' end, now() - n * interval '1 minute',
    case when n % 2 = 0 then now() - n * interval '1 minute' end, id - 1
  from (
    select row_number() over (order by id desc) as n, * from (
      select max(id) as id, app_id, openid from (
        select id, app_id, openid from wechat.inbound_message where openid <> '${busiest.openid}' order by id desc limit 2000) latest
      group by 2, 3) one
  ) head where n <= 200;
  insert into wechat.handover_history (app_id, openid, agent, requested_at, taken_at, ended_at, ended_by)
  select desk.account(n), 'oDesk' || n, 'agent' || n % 5, at, at, at + interval '10 minutes', 'agent'
  from generate_series(1, 20000) n, lateral (select now() - (20000 - n) * interval '20 minutes' as at) as begun;
  insert into wechat.operator_action (acted_at, actor, action, app_id, details, affected)
  select now() - (50000 - n) * interval '10 minutes', case when n % 9 = 0 then 'boss' else 'agent' || n % 5 end,
    (array['takeover', 'agent_send', 'hand_back', 'requeue'])[1 + n % 4], desk.account(n), jsonb_build_object('message', n), 1
  from generate_series(1, 50000) n;
  insert into wechat.console_user (name, display_name, role) select 'agent' || n, 'Agent ' || n, 'agent' from generate_series(0, 40) n`;

const batch = 100_000;

/** A year of several accounts as their consoles find it: answered and failed, handed over, and some that wait. One that was kept stays. */
export async function storeConsoleHistory(
  lab: Lab,
  count: number,
  progress: (stored: number) => void,
): Promise<void> {
  const { pool } = lab;
  const kept = await keptCount(lab);
  if (kept === count) return countDays(lab);
  if (kept !== undefined)
    throw new Error(`The database that was kept holds ${kept} messages, not ${count}: remove it`);
  await pool.query(drawSql);
  const buildIndexes = await dropIndexes(lab);
  const end = new Date(Date.now() - 60_000);
  // One after the other: as they came, rows of one time lie side by side.
  for (let from = 1; from <= count; from += batch) {
    const upTo = Math.min(count, from + batch - 1);
    await pool.query(messagesSql + repliesSql, [from, upTo, count, Math.ceil(count / 20), end, phrases]);
    progress(upTo);
  }
  // Ids were given, so that they grow with time.
  for (const table of ['inbound_message', 'delivery'])
    await pool.query(
      `select setval(pg_get_serial_sequence('wechat.${table}', 'id'), (select max(id) from wechat.${table}))`,
    );
  await buildIndexes();
  await pool.query(peopleSql);
  await pool.query('select wechat.pause($1, $2)', [waiting.appId, 'closed today']);
  // Vacuums the messages, too.
  await storeMessages(lab, waiting.messages, waiting.users, waiting.appId);
  for (const table of ['delivery', 'delivery_attempt', 'handover', 'handover_history', 'operator_action'])
    await pool.query(`vacuum (analyze) wechat.${table}`);
  await countDays(lab);
  await pool.query(`comment on schema desk is '${count}'`);
  await pool.query('checkpoint');
}

/** As workers do, a while after each day: of a database that was kept, days have passed since. */
async function countDays({ pool }: Lab): Promise<void> {
  while ((await countNextDay(pool)) !== undefined);
  await pool.query('vacuum (analyze) wechat.day_figures');
}

/** As the comment says once all is there: 0 where the run that filled it was broken off; undefined in a fresh database. */
async function keptCount({ pool }: Lab): Promise<number | undefined> {
  const { rows } = await pool.query<{ count: string }>(
    `select coalesce(obj_description(to_regnamespace('desk')::oid, 'pg_namespace'), '0') as count where to_regnamespace('desk') is not null`,
  );
  return rows[0] && Number(rows[0].count);
}

/** But for those of constraints. @returns builds them anew, which takes a fraction of what each row would cost them */
async function dropIndexes({ pool }: Lab): Promise<() => Promise<void>> {
  const { rows } = await pool.query<{ name: string; definition: string }>(
    `select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
     from pg_index i
     where i.indrelid in ('wechat.inbound_message'::regclass, 'wechat.delivery'::regclass, 'wechat.delivery_attempt'::regclass)
       and not exists (select from pg_constraint c where c.conindid = i.indexrelid)`,
  );
  for (const { name } of rows) await pool.query(`drop index ${name}`);
  return async () => {
    for (const { definition } of rows) await pool.query(definition);
  };
}
