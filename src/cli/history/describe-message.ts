import { inWords } from '../../history/in-words.js';
import type { AttemptDetails, DeliveryDetails, Found, MessageDetails } from '../../history/message.js';
import { isNotRun } from '../../replies/checks/notes.js';
import { errorReason } from '../../wechat/out/errors.js';
import { localTime, shortTime } from '../terminal/format.js';
import { oneLine, pad, toTable } from '../terminal/table.js';
import type { Words } from '../words/index.js';
import type { Reader } from './describe-status.js';

const labelWidth = 16;

/** One message: what came in, what was planned, every attempt, and what to do. */
export function describeMessage({ message, deliveries, attempts }: Found, reader: Reader): string {
  const { words } = reader;
  const { labels, ...say } = words.message;
  const facts: [string, string][] = [
    [labels.from, say.from(oneLine(message.openid), message.app_id)],
    ...(message.forgotten_at
      ? [[labels.forgotten, localTime(message.forgotten_at)] as [string, string]]
      : []),
    [labels.sent, say.sent(localTime(message.created_at), localTime(message.received_at))],
    [labels.says, oneLine(inWords(message))],
    [labels.state, describeState(message, words)],
    ...(message.error ? [[labels.error, oneLine(message.error)] as [string, string]] : []),
    [
      labels.mayBeAnswered,
      message.reachable_until ? say.until(localTime(message.reachable_until)) : say.noWindow,
    ],
    [labels.replyLogic, describeReplyLogic(message, say)],
    ...describeMerge(message, words),
  ];
  const parts = [
    [say.title(message.id), ...facts.map(([name, fact]) => `  ${pad(name, labelWidth)}${fact}`)].join('\n'),
  ];
  if (message.merged_into && deliveries.length === 0) return parts.join('\n\n');
  parts.push(deliveries.length === 0 ? say.nothingPlanned : describeDeliveries(deliveries, reader));
  if (attempts.length > 0) parts.push(describeAttempts(attempts, reader));
  const more = [describeEnds(deliveries, say), explain(attempts, words), advise(message, deliveries, say)];
  return [...parts, ...more.filter((part) => part !== undefined)].join('\n\n');
}

type MessageWords = Omit<Words['message'], 'labels'>;

function describeState(message: MessageDetails, { message: say, terminal }: Words): string {
  const { status, settled_at, received_at, claimed_by, claimed_at, due_at, is_first } = message;
  if (settled_at) {
    const took = terminal.duration(settled_at.getTime() - received_at.getTime());
    return say.settled(status, localTime(settled_at), took);
  }
  if (!is_first) return say.waitsBehind(status);
  if (claimed_by) return say.inHand(status, String(claimed_by), localTime(claimed_at));
  return due_at && due_at.getTime() > Date.now()
    ? say.triedAgainAt(status, localTime(due_at))
    : say.waits(status);
}

function describeReplyLogic(message: MessageDetails, { runs: say }: MessageWords): string {
  const { crashes } = message;
  const runs = describeRuns(message, say);
  return crashes > 0 ? say.crashes(runs, crashes) : runs;
}

function describeMerge(
  { merged_into, merged_count }: MessageDetails,
  { message: { labels, ...say } }: Words,
): [string, string][] {
  if (merged_into) return [[labels.together, say.mergedInto(merged_into)]];
  return merged_count ? [[labels.together, say.answersAlso(merged_count)]] : [];
}

function describeRuns(
  { status, error, claimed_by, is_first, failures, merged_into }: MessageDetails,
  say: MessageWords['runs'],
): string {
  if (status === 'failed') return say.failed;
  if (merged_into) return say.merged;
  if (status !== 'received') return error !== null && isNotRun(error) ? say.notRun : say.done;
  if (is_first && claimed_by) return failures > 0 ? say.nowAgain(failures) : say.now;
  return failures > 0 ? say.nextAgain(failures) : say.next;
}

function describeDeliveries(deliveries: readonly DeliveryDetails[], { words, out }: Reader): string {
  const { columns: title } = words.message;
  const columns = [
    { title: title.delivery, align: 'right' as const },
    { title: title.type },
    { title: title.origin },
    { title: title.state },
    { title: title.errcode, align: 'right' as const },
    { title: title.when },
    { title: title.text, flexible: true },
    { title: title.errmsg, flexible: true },
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

function describeAttempts(attempts: readonly AttemptDetails[], { words, out }: Reader): string {
  const { columns: title } = words.message;
  const columns = [
    { title: title.delivery, align: 'right' as const },
    { title: title.attempt, align: 'right' as const },
    { title: title.started },
    { title: title.took, align: 'right' as const },
    { title: title.outcome },
    { title: title.http, align: 'right' as const },
    { title: title.errcode, align: 'right' as const },
    { title: title.errmsg, flexible: true },
  ];
  return toTable(
    columns,
    attempts.map((one) => [
      one.delivery_id,
      String(one.attempt),
      shortTime(one.started_at),
      words.terminal.duration(one.finished_at.getTime() - one.started_at.getTime()),
      one.outcome,
      one.http_status === null ? '' : String(one.http_status),
      one.errcode === null ? '' : String(one.errcode),
      one.errmsg ?? '',
    ]),
    out,
  );
}

/** In full, what a table has no room for. */
function describeEnds(deliveries: readonly DeliveryDetails[], say: MessageWords): string | undefined {
  const lines = deliveries
    .filter(({ status, errmsg }) => status !== 'sent' && errmsg)
    .map(({ id, status, errmsg }) => say.ended(id, status, oneLine(errmsg ?? '')));
  return lines.length > 0 ? lines.join('\n') : undefined;
}

/** What WeChat's codes mean. */
function explain(attempts: readonly AttemptDetails[], { message: say, language }: Words): string | undefined {
  const codes = [...new Set(attempts.map(({ errcode }) => errcode ?? 0))].filter((code) => code !== 0);
  const lines = codes.map((code) => say.meaning(code, errorReason(code, language)));
  return lines.length > 0 ? lines.join('\n') : undefined;
}

/** The command that puts it right, if one may. */
function advise(
  message: MessageDetails,
  deliveries: readonly DeliveryDetails[],
  say: MessageWords,
): string | undefined {
  if (message.forgotten_at) return undefined;
  const reachable = message.reachable_until && message.reachable_until.getTime() > Date.now();
  const force = reachable ? '' : say.force;
  if (message.status === 'failed' && deliveries.length === 0) return `${say.runAgain(message.id)}${force}`;
  const ended = deliveries.filter(({ status }) =>
    ['failed', 'expired', 'unknown', 'cancelled'].includes(status),
  );
  if (ended.length === 0) return undefined;
  const doubt = ended.some(({ status }) => status === 'unknown') ? `${say.doubt}\n` : '';
  return `${doubt}${say.sendAgain(ended.map(({ id }) => id))}${force}`;
}
