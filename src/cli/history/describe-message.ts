import { errorReason } from '../../wechat/out/errors.js';
import type { OutputStream } from '../terminal/context.js';
import { count, duration, localTime, shortTime } from '../terminal/format.js';
import { oneLine, toTable } from '../terminal/table.js';
import { inWords } from './in-words.js';
import type { AttemptDetails, DeliveryDetails, Found, MessageDetails } from './message.js';

/** One message: what came in, what was planned, every attempt, and what to do. */
export function describeMessage({ message, deliveries, attempts }: Found, out: OutputStream): string {
  const facts: [string, string][] = [
    ['from', `${oneLine(message.openid)} to ${message.app_id}`],
    ...(message.forgotten_at ? [['forgotten', localTime(message.forgotten_at)] as [string, string]] : []),
    ['sent', `${localTime(message.created_at)} by WeChat's clock, stored ${localTime(message.received_at)}`],
    ['says', oneLine(inWords(message))],
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
  parts.push(
    deliveries.length === 0 ? 'Nothing was planned to be sent.' : describeDeliveries(deliveries, out),
  );
  if (attempts.length > 0) parts.push(describeAttempts(attempts, out));
  const more = [describeEnds(deliveries), explain(attempts), advise(message, deliveries)];
  return [...parts, ...more.filter((part) => part !== undefined)].join('\n\n');
}

function describeState(message: MessageDetails): string {
  const { status, settled_at, received_at, claimed_by, claimed_at, due_at, is_first } = message;
  if (settled_at) {
    const took = duration(settled_at.getTime() - received_at.getTime());
    return `${status} at ${localTime(settled_at)}, after ${took}`;
  }
  if (!is_first) return `${status}, waits behind an earlier message of this user`;
  if (claimed_by) return `${status}, in hand of worker ${claimed_by} since ${localTime(claimed_at)}`;
  return due_at && due_at.getTime() > Date.now()
    ? `${status}, to be tried again at ${localTime(due_at)}`
    : `${status}, waits`;
}

function describeReplyLogic(message: MessageDetails): string {
  const { crashes } = message;
  const runs = describeRuns(message);
  return crashes > 0 ? `${runs}; ${count(crashes, 'worker')} died near it` : runs;
}

function describeRuns({ status, claimed_by, is_first, failures }: MessageDetails): string {
  if (status === 'failed') return 'failed for good';
  if (status !== 'received') return 'has run';
  const before = failures > 0 ? `failed ${count(failures, 'time')}` : undefined;
  if (is_first && claimed_by) return before ? `runs again, ${before}` : 'runs';
  return before ? `${before}, is to run again` : 'is to run';
}

function describeDeliveries(deliveries: readonly DeliveryDetails[], out: OutputStream): string {
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
      one.msg_type,
      one.origin,
      one.status,
      one.errcode === null ? '' : String(one.errcode),
      shortTime(one.sent_at ?? one.next_attempt_at ?? one.created_at),
      one.text,
      one.errmsg ?? '',
    ]),
    out,
  );
}

function describeAttempts(attempts: readonly AttemptDetails[], out: OutputStream): string {
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
    out,
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
