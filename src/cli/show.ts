import type { Pool } from '../db/pool.js';
import { errorReason } from '../wechat/out/errors.js';
import type { WirePayload } from '../wechat/out/reply.js';
import { count, duration, localTime, print, printJson, shortTime } from './format.js';
import { inboundText, outboundText } from './message-text.js';
import { type Environment, withDatabase } from './operator-session.js';
import { oneLine, toTable } from './table.js';
import { UsageError } from './usage-error.js';

export interface ShowOptions {
  environment: Environment;
  id: string;
  /** Whether `id` is a delivery's. */
  delivery: boolean;
  json: boolean;
}

interface MessageDetails {
  id: string;
  app_id: string;
  openid: string;
  msg_type: string;
  event: string | null;
  event_key: string | null;
  content: string | null;
  status: string;
  error: string | null;
  created_at: Date;
  received_at: Date;
  settled_at: Date | null;
  due_at: Date;
  claimed_by: number | null;
  claimed_at: Date | null;
  reply_attempts: number;
  crashes: number;
  window_ends_at: Date | null;
  window_quota: number | null;
  reachable_until: Date | null;
  forgotten_at: Date | null;
  payload: Record<string, unknown>;
}

interface DeliveryDetails {
  id: string;
  position: number;
  origin: string;
  status: string;
  attempts: number;
  failures: number;
  errcode: number | null;
  errmsg: string | null;
  created_at: Date;
  sent_at: Date | null;
  next_attempt_at: Date | null;
  payload: WirePayload;
}

interface AttemptDetails {
  delivery_id: string;
  attempt: number;
  started_at: Date;
  finished_at: Date;
  outcome: string;
  http_status: number | null;
  errcode: number | null;
  errmsg: string | null;
}

interface Found {
  message: MessageDetails;
  deliveries: DeliveryDetails[];
  attempts: AttemptDetails[];
}

/** `wechat-outbox show ID`: one message: what came in, what was planned, and every attempt. */
export async function showCommand({ environment, id, delivery, json }: ShowOptions): Promise<void> {
  const found = await withDatabase(environment, (pool) => find(pool, id, delivery));
  if (!found) throw new UsageError(`There is no ${delivery ? 'delivery' : 'message'} ${id}`);
  if (json) printJson(found);
  else print(describe(found));
}

async function find(pool: Pool, id: string, isDelivery: boolean): Promise<Found | undefined> {
  const { rows } = await pool.query<MessageDetails>(
    `select id, app_id, openid, msg_type, event, event_key, content, status, error, created_at, received_at, settled_at,
       due_at, claimed_by, claimed_at, reply_attempts, crashes, window_ends_at, window_quota, payload, forgotten_at,
       wechat.window_of(app_id, openid) as reachable_until
     from wechat.inbound_message
     where id = ${isDelivery ? '(select message_id from wechat.delivery where id = $1)' : '$1'}`,
    [id],
  );
  const message = rows[0];
  if (!message) return undefined;
  const deliveries = await pool.query<DeliveryDetails>(
    `select id, position, origin, status, attempts, failures, errcode, errmsg, created_at, sent_at, next_attempt_at, payload
     from wechat.delivery where message_id = $1 order by position`,
    [message.id],
  );
  const attempts = await pool.query<AttemptDetails>(
    `select a.delivery_id, a.attempt, a.started_at, a.finished_at, a.outcome, a.http_status, a.errcode, a.errmsg
     from wechat.delivery_attempt a join wechat.delivery d on d.id = a.delivery_id
     where d.message_id = $1 order by d.position, a.attempt`,
    [message.id],
  );
  return { message, deliveries: deliveries.rows, attempts: attempts.rows };
}

function describe({ message, deliveries, attempts }: Found): string {
  const facts: [string, string][] = [
    ['from', `${message.openid} to ${message.app_id}`],
    ...(message.forgotten_at ? [['forgotten', localTime(message.forgotten_at)] as [string, string]] : []),
    ['sent', `${localTime(message.created_at)} by WeChat's clock, stored ${localTime(message.received_at)}`],
    ['says', oneLine(inboundText(message))],
    ['state', describeState(message)],
    ...(message.error ? [['error', oneLine(message.error)] as [string, string]] : []),
    [
      'may be answered',
      message.reachable_until ? `until ${localTime(message.reachable_until)}` : 'no: no reply window is open',
    ],
    ['reply logic', describeReplyLogic(message)],
  ];
  const parts = [
    `Message ${message.id}\n${facts.map(([name, fact]) => `  ${name.padEnd(16)}${fact}`).join('\n')}`,
  ];
  parts.push(deliveries.length === 0 ? 'Nothing was planned to be sent.' : describeDeliveries(deliveries));
  if (attempts.length > 0) parts.push(describeAttempts(attempts));
  const more = [describeEnds(deliveries), explain(attempts), advise(message, deliveries)];
  return [...parts, ...more.filter((part) => part !== undefined)].join('\n\n');
}

function describeState(message: MessageDetails): string {
  const { status, settled_at, received_at, claimed_by, claimed_at, due_at } = message;
  if (settled_at) {
    const took = duration(settled_at.getTime() - received_at.getTime());
    return `${status} at ${localTime(settled_at)}, after ${took}`;
  }
  if (claimed_by) return `${status}, in hand of worker ${claimed_by} since ${localTime(claimed_at)}`;
  return due_at.getTime() > Date.now()
    ? `${status}, to be tried again at ${localTime(due_at)}`
    : `${status}, waits`;
}

function describeReplyLogic({ status, claimed_by, reply_attempts, crashes }: MessageDetails): string {
  const isRunning = status === 'received' && claimed_by !== null;
  const runs = isRunning
    ? `running, for the ${ordinal(reply_attempts)} time`
    : `ran ${count(reply_attempts, 'time')}`;
  return crashes > 0 ? `${runs}; ${count(crashes, 'worker')} died near it` : runs;
}

function ordinal(number: number): string {
  return ['first', 'second', 'third', 'fourth', 'fifth'][number - 1] ?? `${number}th`;
}

function describeDeliveries(deliveries: readonly DeliveryDetails[]): string {
  const columns = [
    { title: 'delivery', align: 'right' as const },
    { title: 'type' },
    { title: 'by' },
    { title: 'state' },
    { title: 'errcode', align: 'right' as const },
    { title: 'when' },
    { title: 'text', flexible: true },
    { title: 'errmsg', flexible: true },
  ];
  return toTable(
    columns,
    deliveries.map((one) => [
      one.id,
      one.payload.msgtype,
      one.origin,
      one.status,
      one.errcode === null ? '' : String(one.errcode),
      shortTime(one.sent_at ?? one.next_attempt_at ?? one.created_at),
      outboundText(one.payload),
      one.errmsg ?? '',
    ]),
  );
}

function describeAttempts(attempts: readonly AttemptDetails[]): string {
  const columns = [
    { title: 'delivery', align: 'right' as const },
    { title: 'try', align: 'right' as const },
    { title: 'started' },
    { title: 'took', align: 'right' as const },
    { title: 'outcome' },
    { title: 'http', align: 'right' as const },
    { title: 'errcode', align: 'right' as const },
    { title: 'errmsg', flexible: true },
  ];
  return toTable(
    columns,
    attempts.map((one) => [
      one.delivery_id,
      String(one.attempt),
      shortTime(one.started_at),
      duration(one.finished_at.getTime() - one.started_at.getTime()),
      one.outcome,
      one.http_status === null ? '' : String(one.http_status),
      one.errcode === null ? '' : String(one.errcode),
      one.errmsg ?? '',
    ]),
  );
}

/** In full, what a table has no room for. */
function describeEnds(deliveries: readonly DeliveryDetails[]): string | undefined {
  const lines = deliveries
    .filter(({ status, errmsg }) => status !== 'sent' && errmsg)
    .map(({ id, status, errmsg }) => `Delivery ${id} is ${status}: ${oneLine(errmsg ?? '')}`);
  return lines.length > 0 ? lines.join('\n') : undefined;
}

/** What WeChat's codes mean. */
function explain(attempts: readonly AttemptDetails[]): string | undefined {
  const codes = [...new Set(attempts.map(({ errcode }) => errcode ?? 0))].filter((code) => code !== 0);
  const lines = codes.map((code) => `${code}: ${errorReason(code) ?? 'a code unknown to this version'}`);
  return lines.length > 0 ? lines.join('\n') : undefined;
}

/** The command that puts it right, if one may. */
function advise(message: MessageDetails, deliveries: readonly DeliveryDetails[]): string | undefined {
  if (message.forgotten_at) return undefined;
  const reachable = message.reachable_until && message.reachable_until.getTime() > Date.now();
  const force = reachable ? '' : '   (WeChat will likely refuse: the window is over; add --force to try)';
  if (message.status === 'failed' && deliveries.length === 0)
    return `Run the reply logic again: wechat-outbox requeue --messages ${message.id}${force}`;
  const ended = deliveries.filter(({ status }) =>
    ['failed', 'expired', 'unknown', 'cancelled'].includes(status),
  );
  if (ended.length === 0) return undefined;
  const doubt = ended.some(({ status }) => status === 'unknown')
    ? 'The user may have got what is unknown: look with them before you send it twice.\n'
    : '';
  return `${doubt}Send again: wechat-outbox requeue ${ended.map(({ id }) => id).join(' ')}${force}`;
}
