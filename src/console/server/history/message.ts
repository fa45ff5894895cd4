import type Router from '@koa/router';
import type { Pool } from '../../../db/pool.js';
import {
  type AttemptDetails,
  type DeliveryDetails,
  type Found,
  findMessage,
} from '../../../history/message.js';
import { type Language, say } from '../../../lib/language.js';
import { describeErrcode } from '../../../wechat/out/errors.js';
import type { Attempt, DeliveryDetail, Explained, MessageDetail } from '../../contract/history.js';
import { check, id as idSchema, readQuery } from '../http/input.js';
import { languageOfRequest } from '../http/language.js';
import { Refusal } from '../http/refusal.js';
import { wordsOf } from '../words/index.js';
import type { HistoryDependencies } from './dependencies.js';
import { toDeliveryRow, toMessageRow } from './lists.js';

export function addMessage(
  router: Router,
  { pool, requires }: Pick<HistoryDependencies, 'pool' | 'requires'>,
): void {
  router.get('/messages/:id', requires('read'), async (ctx) => {
    readQuery(ctx, {});
    const id = check(idSchema, ctx.params.id);
    const found = await findMessage(pool, id, false);
    if (!found) throw new Refusal(404, 'not_found', say(`There is no message ${id}.`, `没有消息 ${id}。`));
    const ended = found.deliveries.filter(({ status }) => endedUnsent.includes(status)).map((one) => one.id);
    ctx.body = toDetail(
      found,
      await readSurroundings(pool, found.message),
      await readVerdicts(pool, ended),
      languageOfRequest(ctx),
    ) satisfies MessageDetail;
  });
}

const endedUnsent = ['failed', 'expired', 'unknown', 'cancelled'];

interface Surroundings {
  ends_at: Date | null;
  quota: number | null;
  used: number | null;
  hostname: string | null;
  pid: number | null;
  behind: number;
  first_id: string | null;
}

/** More than so many are not told apart: a user who sent ten thousand is not to be counted for each look. */
const mostBehind = 1_000;

const surroundingsSql = `
  select allowance.*, worker.hostname, worker.pid, earlier.behind, earlier.first_id
  from (select) one
  left join lateral wechat.allowance_of($1, $2) allowance on true
  left join wechat.worker_process worker on worker.id = $4
  left join lateral (
    select count(*)::int as behind, min(id) as first_id
    from (
      select m.id
      from wechat.lane l
      join wechat.inbound_message m on m.app_id = l.app_id and m.openid = l.openid and m.slot = l.slot and m.id > l.done_id
      where l.app_id = $1 and l.openid = $2 and l.slot = $5 and m.id < $3 and m.settled_at is null
      order by m.id limit ${mostBehind}
    ) waiting
  ) earlier on true`;

async function readSurroundings(pool: Pool, message: Found['message']): Promise<Surroundings | undefined> {
  const { app_id, openid, id, claimed_by, slot, settled_at } = message;
  const { rows } = await pool.query<Surroundings>(surroundingsSql, [
    app_id,
    openid,
    // Nothing is before a message that waits no more.
    settled_at ? '0' : id,
    claimed_by,
    slot,
  ]);
  return rows[0];
}

async function readVerdicts(pool: Pool, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const { rows } = await pool.query<{ delivery_id: string; verdict: string }>(
    'select delivery_id, verdict from wechat.requeue_verdict($1)',
    [ids],
  );
  return new Map(rows.map(({ delivery_id, verdict }) => [delivery_id, verdict]));
}

function toDetail(
  { message, deliveries, attempts }: Found,
  around: Surroundings | undefined,
  verdicts: ReadonlyMap<string, string>,
  language: Language,
): MessageDetail {
  const { id, request_id, claimed_by, settled_at, due_at } = message;
  return {
    ...toMessageRow(message),
    requestId: request_id,
    dedupeKey: message.dedupe_key,
    createdAt: message.created_at.toISOString(),
    payload: message.payload as MessageDetail['payload'],
    window: around?.ends_at
      ? { endsAt: around.ends_at.toISOString(), quota: around.quota, used: around.used ?? 0 }
      : null,
    dueAt: settled_at || claimed_by || !message.is_first ? null : (due_at?.toISOString() ?? null),
    worker:
      claimed_by === null
        ? null
        : { id: claimed_by, hostname: around?.hostname ?? '', pid: around?.pid ?? 0 },
    behind: { messages: around?.behind ?? 0, firstId: around?.first_id ?? null },
    deliveries: deliveries.map((delivery) => ({
      ...toDeliveryRow({ ...delivery, message_id: id, app_id: message.app_id, openid: message.openid }),
      position: delivery.position,
      payload: delivery.payload,
      ignoresWindow: delivery.ignores_window,
      timeline: timelineOf(delivery, attempts),
      explained: explain(delivery.errcode, language),
      verdict: verdicts.get(delivery.id) ?? null,
    })) satisfies DeliveryDetail[],
    mergedInto: message.merged_into,
    mergedCount: message.merged_count ?? 0,
    logQuery: [`message_id:"${id}"`, ...(request_id ? [`request_id:"${request_id}"`] : [])].join(' OR '),
  };
}

/** Attempts are on record once they have ended; the one that is under way stands in the delivery. */
function timelineOf(delivery: DeliveryDetails, attempts: readonly AttemptDetails[]): Attempt[] {
  const ended = attempts.filter(({ delivery_id }) => delivery_id === delivery.id).map(toAttempt);
  const { status, attempts: number, attempt_started_at } = delivery;
  if (status !== 'sending' || !attempt_started_at || ended.some(({ attempt }) => attempt === number))
    return ended;
  const running: Attempt = {
    ...{ attempt: number, startedAt: attempt_started_at.toISOString(), finishedAt: null },
    ...{ outcome: 'running', httpStatus: null, code: null, error: null, rid: null },
  };
  return [...ended, running];
}

function toAttempt(one: AttemptDetails): Attempt {
  return {
    attempt: one.attempt,
    startedAt: one.started_at.toISOString(),
    finishedAt: one.finished_at.toISOString(),
    outcome: one.outcome as Attempt['outcome'],
    httpStatus: one.http_status,
    code: one.errcode,
    error: one.errmsg,
    rid: /\brid:? ?([\w-]{6,})/.exec(one.errmsg ?? '')?.[1] ?? null,
  };
}

/** 0 is success, and needs no words. */
export function explain(code: number | null, language: Language): Explained | null {
  if (code === null || code === 0) return null;
  const known = describeErrcode(code, language);
  if (!known) return { code, ...wordsOf(language).unknownCode };
  return { code, meaning: known.reason, remedy: known.remedy };
}
