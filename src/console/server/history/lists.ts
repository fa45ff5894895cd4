import type Router from '@koa/router';
import { type DeliveryRow as FoundDelivery, findDeliveries } from '../../../history/deliveries.js';
import { type MessageRow as FoundMessage, findMessages } from '../../../history/messages.js';
import { needsReading, search } from '../../../history/search.js';
import type { DeliveryRow, MessageRow, MessageState, Page } from '../../contract/history.js';
import { readQuery } from '../http/input.js';
import type { HistoryDependencies } from './dependencies.js';
import { deliveryFilter, messageFilter, pageShape } from './filter.js';

export function addLists(
  router: Router,
  { pool, requires }: Pick<HistoryDependencies, 'pool' | 'requires'>,
): void {
  router.get('/messages', requires('read'), async (ctx) => {
    const { before, limit, lang: _lang, ...filter } = readQuery(ctx, pageShape);
    const asked = { ...messageFilter(filter, limit), before };
    if (!needsReading(asked)) {
      ctx.body = toPage(await findMessages(pool, asked), limit, toMessageRow) satisfies Page<MessageRow>;
      return;
    }
    const found = await search(pool, asked, {
      ...{ table: 'inbound_message', column: 'received_at', find: (part) => findMessages(pool, part) },
    });
    ctx.body = { ...found, rows: found.rows.map(toMessageRow) } satisfies Page<MessageRow>;
  });

  router.get('/deliveries', requires('read'), async (ctx) => {
    const { before, limit, lang: _lang, ...filter } = readQuery(ctx, pageShape);
    const asked = { ...deliveryFilter(filter, limit), before };
    if (!needsReading(asked)) {
      ctx.body = toPage(await findDeliveries(pool, asked), limit, toDeliveryRow) satisfies Page<DeliveryRow>;
      return;
    }
    const found = await search(pool, asked, {
      ...{ table: 'delivery', column: 'created_at', find: (part) => findDeliveries(pool, part) },
    });
    ctx.body = { ...found, rows: found.rows.map(toDeliveryRow) } satisfies Page<DeliveryRow>;
  });
}

/** @param found one more than `limit` where there are more */
function toPage<Found, Row extends { id: string }>(
  found: readonly Found[],
  limit: number,
  toRow: (one: Found) => Row,
): Page<Row> {
  const rows = found.slice(0, limit).map(toRow);
  return { rows, next: found.length > limit ? (rows.at(-1)?.id ?? null) : null };
}

export function messageState({ status, for_agent }: { status: string; for_agent: boolean }): MessageState {
  return (status === 'settled' && for_agent ? 'with_agent' : status) as MessageState;
}

export function toMessageRow(
  row: Pick<
    FoundMessage,
    'id' | 'app_id' | 'openid' | 'msg_type' | 'event' | 'event_key' | 'content' | 'status' | 'for_agent'
  > &
    Pick<FoundMessage, 'error' | 'received_at' | 'settled_at'>,
): MessageRow {
  return {
    id: row.id,
    account: row.app_id,
    openid: row.openid,
    type: row.msg_type,
    event: row.event,
    eventKey: row.event_key,
    content: row.content,
    state: messageState(row),
    error: row.error,
    receivedAt: row.received_at.toISOString(),
    settledAt: row.settled_at?.toISOString() ?? null,
  };
}

export function toDeliveryRow(
  row: Omit<FoundDelivery, 'payload' | 'agent' | 'ignores_window'> & { text: string | null },
): DeliveryRow {
  return {
    id: row.id,
    messageId: row.message_id,
    account: row.app_id,
    openid: row.openid,
    type: row.msg_type,
    text: row.text,
    origin: row.origin as DeliveryRow['origin'],
    state: row.status as DeliveryRow['state'],
    attempts: row.attempts,
    code: row.errcode,
    error: row.errmsg,
    createdAt: row.created_at.toISOString(),
    sentAt: row.sent_at?.toISOString() ?? null,
    nextAttemptAt: row.next_attempt_at?.toISOString() ?? null,
  };
}
