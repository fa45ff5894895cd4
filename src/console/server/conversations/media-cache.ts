import { advisoryLocks, lockClass } from '../../../db/locks.js';
import type { Pool } from '../../../db/pool.js';
import { inTransaction } from '../../../db/transaction.js';

/** Which file: of a message of the user, or of a delivery. */
export type MediaKey = { messageId: string } | { deliveryId: string };

/** Where it is kept, and what WeChat calls it. */
export interface MediaPlace {
  messageId: string;
  position: number;
  appId: string;
  /** Null where there is none. */
  mediaId: string | null;
  /** Whether WeChat keeps it still. */
  isFresh: boolean;
  /** Undefined while it is not kept here. */
  kept: KeptMedia | undefined;
}

export interface KeptMedia {
  contentType: string;
  bytes: number;
}

/** Files of conversations in the table wechat.inbound_media. */
export interface MediaCache {
  /** Undefined where there is no such message or delivery, or its user is forgotten. */
  find(key: MediaKey): Promise<MediaPlace | undefined>;
  /** False where the message went, or was forgotten, meanwhile: nothing is kept. */
  keep(key: MediaKey, contentType: string, content: Buffer): Promise<boolean>;
  /** Piece by piece, `from` to before `to`. It ends early where the file goes meanwhile. */
  read(place: Pick<MediaPlace, 'messageId' | 'position'>, from: number, to: number): AsyncIterable<Buffer>;
}

/** Of all files together; the oldest go first. */
const defaultTotalBytes = 512 * 1_024 * 1_024;

/** Of one piece in memory. */
const pieceBytes = 512 * 1_024;

interface Row {
  message_id: string;
  position: number;
  app_id: string;
  media_id: string | null;
  is_fresh: boolean;
  content_type: string | null;
  bytes: number | null;
}

const ofMessage = `
  select m.id as message_id, 0 as position, m.app_id, m.received_at as at,
    case when jsonb_typeof(m.payload -> 'MediaId') = 'string' then m.payload ->> 'MediaId' end as media_id
  from wechat.inbound_message m where m.id = $1 and m.forgotten_at is null`;

const ofDelivery = `
  select d.message_id, d.position, d.app_id, d.created_at as at,
    case when jsonb_typeof(d.payload -> d.msg_type -> 'media_id') = 'string'
      then d.payload -> d.msg_type ->> 'media_id' end as media_id
  from wechat.delivery d join wechat.inbound_message m on m.id = d.message_id
  where d.id = $1 and m.forgotten_at is null`;

const findSql = (place: string) => `
  select place.message_id, place.position, place.app_id, place.media_id, i.content_type, i.bytes,
    place.at > now() - interval '3 days' as is_fresh
  from (${place}) place
  left join wechat.inbound_media i on i.message_id = place.message_id and i.position = place.position`;

/** The row of the message is locked: else it could be forgotten in this moment, and its file stay. */
const keepSql = `
  insert into wechat.inbound_media (message_id, position, content_type, bytes, content)
  select m.id, $2, $3, octet_length($4::bytea), $4
  from wechat.inbound_message m where m.id = $1 and m.forgotten_at is null
  for share
  on conflict (message_id, position) do update set fetched_at = now()
  returning bytes`;

const makeRoomSql = `
  delete from wechat.inbound_media i using (
    select message_id, position, sum(bytes) over (order by fetched_at desc, message_id desc, position desc) as total
    from wechat.inbound_media
  ) aged
  where aged.total > $1::bigint and (i.message_id, i.position) = (aged.message_id, aged.position)`;

export function createMediaCache(pool: Pool, { totalBytes = defaultTotalBytes } = {}): MediaCache {
  async function find(key: MediaKey): Promise<MediaPlace | undefined> {
    const [sql, id] =
      'messageId' in key ? [findSql(ofMessage), key.messageId] : [findSql(ofDelivery), key.deliveryId];
    const { rows } = await pool.query<Row>(sql, [id]);
    const [row] = rows;
    if (!row) return undefined;
    const { content_type: contentType, bytes } = row;
    return {
      messageId: row.message_id,
      position: row.position,
      appId: row.app_id,
      mediaId: row.media_id,
      isFresh: row.is_fresh,
      kept: contentType === null || bytes === null ? undefined : { contentType, bytes },
    };
  }

  /** One process at a time, so that two do not each take the room that the other made. */
  function store(place: MediaPlace, contentType: string, content: Buffer): Promise<boolean> {
    return inTransaction(pool, 'begin', async (client) => {
      await client.query('select pg_advisory_xact_lock($1, $2)', [lockClass, advisoryLocks.inboundMedia]);
      await client.query(makeRoomSql, [totalBytes - content.length]);
      const values = [place.messageId, place.position, contentType, content];
      return (await client.query(keepSql, values)).rowCount === 1;
    });
  }

  return {
    find,
    async keep(key, contentType, content) {
      const place = await find(key);
      return place ? store(place, contentType, content) : false;
    },
    async *read({ messageId, position }, from, to) {
      for (let at = from; at < to; at += pieceBytes) {
        const { rows } = await pool.query<{ piece: Buffer }>(
          `select substring(content from $3 for $4) as piece from wechat.inbound_media
           where message_id = $1 and position = $2`,
          [messageId, position, at + 1, Math.min(pieceBytes, to - at)],
        );
        const [row] = rows;
        if (!row) throw new Error('The file is gone');
        yield row.piece;
      }
    },
  };
}
