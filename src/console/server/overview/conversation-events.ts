import type { Pool } from '../../../db/pool.js';
import type { ConversationEvent } from '../../contract/conversations.js';

/** What was told of already. */
interface Position {
  /** Ids that were seen of late: of two conversations the higher id may be committed first. */
  messages: Recent;
  deliveries: Recent;
  /** Status of those that are not at their end. */
  open: ReadonlyMap<string, string>;
  /** Version of each row of handover. */
  handovers: ReadonlyMap<string, string>;
}

interface Recent {
  /** All above it that was seen is in `seen`. */
  above: string;
  seen: ReadonlySet<string>;
}

/** After so long without a look it begins anew: whoever comes then reads all there is first. */
const staleMs = 60_000;

/** Of each kind in one look. Beyond that, pages that miss an event ask by themselves in a while. */
const most = 500;
/** Ids this far back are looked at again: a transaction that is slower than so many others is told of late, if at all. */
const overlap = 200;

interface Found {
  kind: 'message' | 'delivery' | 'handover';
  id: string;
  app_id: string;
  openid: string;
  version: string;
}

/**
 * $1, $2 messages and deliveries above these ids · $3 deliveries that were open
 *
 * Whatever the size of the tables, it reads the ends of two indexes, and a table that is as small as what agents hold.
 */
const lookSql = `
  (select 'message' as kind, m.id::text as id, m.app_id, m.openid, '' as version
   from wechat.inbound_message m where m.id > $1::bigint order by m.id desc limit ${most})
  union all
  (select 'delivery', d.id::text, d.app_id, d.openid, d.status
   from wechat.delivery d where d.id > $2::bigint order by d.id desc limit ${most})
  union all
  (select 'delivery', d.id::text, d.app_id, d.openid, d.status
   from wechat.delivery d where d.id = any($3::bigint[]) and d.id <= $2::bigint)
  union all
  (select 'handover', h.app_id || ' ' || h.openid, h.app_id, h.openid, h.xmin::text
   from wechat.handover h order by h.requested_at desc limit 2000)`;

const endsSql = `
  select coalesce((select max(id) from wechat.inbound_message), 0)::text as messages,
    coalesce((select max(id) from wechat.delivery), 0)::text as deliveries`;

/**
 * What happened in conversations since the look before, each once for each kind: one statement a look, for all streams together.
 * The first look tells of nothing.
 */
export function createConversationEvents(
  pool: Pool,
  now: () => number = () => performance.now(),
): () => Promise<readonly ConversationEvent[]> {
  let last: { position: Position; at: number } | undefined;

  async function begin(): Promise<Position> {
    const { rows } = await pool.query<{ messages: string; deliveries: string }>(endsSql);
    const back = (end = '0') => String(Math.max(0, Number(end) - overlap));
    const above = { messages: back(rows[0]?.messages), deliveries: back(rows[0]?.deliveries) };
    const { rows: found } = await pool.query<Found>(lookSql, [above.messages, above.deliveries, []]);
    return toPosition(found, undefined, above);
  }

  return async () => {
    const at = now();
    if (!last || at - last.at > staleMs) {
      last = { position: await begin(), at };
      return [];
    }
    const since = last.position;
    const above = { messages: since.messages.above, deliveries: since.deliveries.above };
    const { rows } = await pool.query<Found>(lookSql, [
      above.messages,
      above.deliveries,
      [...since.open.keys()],
    ]);
    last = { position: toPosition(rows, since, above), at };
    return newsOf(rows, since);
  };
}

const ended = new Set(['sent', 'failed', 'expired', 'unknown', 'cancelled']);

function toPosition(
  rows: readonly Found[],
  since: Position | undefined,
  above: { messages: string; deliveries: string },
): Position {
  const of = (kind: Found['kind']) => rows.filter((row) => row.kind === kind);
  const deliveries = of('delivery');
  const open = deliveries.filter(({ version }) => !ended.has(version)).slice(0, most);
  return {
    messages: toRecent(of('message'), above.messages, since?.messages.seen),
    deliveries: toRecent(deliveries, above.deliveries, since?.deliveries.seen),
    open: new Map(open.map(({ id, version }) => [id, version])),
    handovers: new Map(of('handover').map(({ id, version }) => [id, version])),
  };
}

/** Ids fit a number for longer than the service will run. */
function toRecent(rows: readonly Found[], above: string, seen: ReadonlySet<string> = new Set()): Recent {
  const ids = new Set([...seen, ...rows.map(({ id }) => id)]);
  const highest = Math.max(Number(above), ...[...ids].map(Number));
  const next = Math.max(Number(above), highest - overlap);
  return { above: String(next), seen: new Set([...ids].filter((id) => Number(id) > next)) };
}

/** Each conversation once for each kind. */
function newsOf(rows: readonly Found[], since: Position): ConversationEvent[] {
  const news = new Map<string, ConversationEvent>();
  const tell = (account: string, openid: string, what: ConversationEvent['what']) =>
    news.set(`${what} ${account} ${openid}`, { account, openid, what });
  for (const { kind, id, app_id, openid, version } of rows) {
    if (kind === 'message' && !since.messages.seen.has(id)) tell(app_id, openid, kind);
    if (kind === 'handover' && since.handovers.get(id) !== version) tell(app_id, openid, kind);
    if (kind !== 'delivery') continue;
    const before = since.open.get(id);
    if (before === undefined ? !since.deliveries.seen.has(id) : before !== version)
      tell(app_id, openid, kind);
  }
  const held = new Set(rows.filter(({ kind }) => kind === 'handover').map(({ id }) => id));
  for (const id of since.handovers.keys()) {
    const [account = '', openid = ''] = id.split(' ');
    if (!held.has(id)) tell(account, openid, 'handover');
  }
  return [...news.values()];
}
