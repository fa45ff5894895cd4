/**
 * The least that a worker can do and still have every attempt on record: three statements for each set of messages. It
 * keeps no order, fences nothing off, retries nothing, runs no reply logic and logs nothing. It works on the first
 * engine's tables, frozen in schema `before`, so that it stays the same however the product's tables change.
 */
import pg from 'pg';
import { Pool } from 'undici';
import { serveHealth } from './health.ts';

const { DATABASE_URL, WECHAT_API_BASE = '' } = process.env;
const database = new pg.Pool({ connectionString: DATABASE_URL, max: 6 });
const api = new Pool(WECHAT_API_BASE, { connections: 128, pipelining: 1 });

const messagesInSet = 256;
const callsAtOnce = 128;
/** Planned ahead of the calls. */
const maxReady = 600;
const recordsAtOnce = 2;

const claimSql = `
  update before.inbound_message set claimed_by = 1, claimed_at = now(), status = 'answering'
  where id = any($1::bigint[]) returning id as message_id, app_id, openid`;

const planSql = `
  insert into before.delivery
    (message_id, position, app_id, openid, msg_type, payload, status, attempts, attempt_started_at)
  select message_id, 1, app_id, openid, 'text', $2::jsonb, 'sending', 1, now()
  from json_to_recordset($1) as i (message_id bigint, app_id text, openid text)
  returning id, message_id, openid`;

const recordSql = `
  with input as materialized (
    select * from json_to_recordset($1) as i (id bigint, message_id bigint, started_at float8, finished_at float8)
  ),
  attempt as (
    insert into before.delivery_attempt
      (delivery_id, attempt, started_at, finished_at, outcome, http_status, errcode, errmsg)
    select id, 1, to_timestamp(started_at / 1000), to_timestamp(finished_at / 1000), 'sent', 200, 0, 'ok' from input
  ),
  sent as (
    update before.delivery d set status = 'sent', sent_at = now(), errcode = 0, errmsg = 'ok'
    from input i where d.id = i.id
  )
  update before.inbound_message m
  set status = 'settled', settled_at = now(), claimed_by = null, claimed_at = null
  from input i where m.id = i.message_id`;

interface Delivery {
  id: string;
  message_id: string;
  openid: string;
}

interface Call {
  id: string;
  message_id: string;
  started_at: number;
  finished_at: number;
}

const payload = { msgtype: 'text', text: { content: 'hello' } };
const ready: Delivery[] = [];
let calls = 0;
let ended: Call[] = [];
let records = 0;
let hasRoom = () => {};

async function query<Row extends pg.QueryResultRow>(name: string, text: string, values: unknown[]) {
  return (await database.query<Row>({ name, text, values })).rows;
}

function send(): void {
  for (let delivery = take(); delivery; delivery = take()) {
    const { id, message_id, openid } = delivery;
    const startedAt = Date.now();
    let answer = '';
    calls += 1;
    api.dispatch(
      {
        method: 'POST',
        path: '/cgi-bin/message/custom/send?access_token=bench',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ touser: openid, ...payload }),
      },
      {
        // undici tells a handler by it.
        onRequestStart: () => {},
        onResponseStart: () => {},
        onResponseData(_controller, chunk) {
          answer += chunk;
        },
        onResponseEnd() {
          JSON.parse(answer);
          calls -= 1;
          ended.push({ id, message_id, started_at: startedAt, finished_at: Date.now() });
          setImmediate(record);
          send();
        },
        onResponseError(_controller, error) {
          throw error;
        },
      },
    );
  }
  if (ready.length < maxReady) hasRoom();
}

function take(): Delivery | undefined {
  return calls < callsAtOnce ? ready.shift() : undefined;
}

async function record(): Promise<void> {
  if (ended.length === 0 || records >= recordsAtOnce) return;
  // Few are better recorded along with those that follow.
  if (records > 0 && ended.length < messagesInSet) return;
  const set = ended;
  ended = [];
  records += 1;
  await query('record', recordSql, [JSON.stringify(set)]);
  records -= 1;
  setImmediate(record);
}

serveHealth();
const waiting = await query<{ id: string }>(
  'waiting',
  'select id from before.inbound_message where settled_at is null order by id',
  [],
);
for (let from = 0; from < waiting.length; from += messagesInSet) {
  const ids = waiting.slice(from, from + messagesInSet).map(({ id }) => id);
  const claimed = await query('claim', claimSql, [ids]);
  ready.push(...(await query<Delivery>('plan', planSql, [JSON.stringify(claimed), payload])));
  send();
  if (ready.length >= maxReady) {
    await new Promise<void>((resolve) => {
      hasRoom = resolve;
    });
  }
}
