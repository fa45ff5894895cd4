import { sql } from 'kysely';
import type { Database } from '../db/kysely.js';
import type { MediaType } from '../wechat/out/reply.js';

/** What WeChat holds for us, shared by all processes. */
export interface MediaUploads {
  find(key: UploadKey): Promise<string | undefined>;
  save(key: UploadKey, mediaId: string, expiresAt: Date): Promise<void>;
  forget(key: UploadKey, mediaId: string): Promise<void>;
}

export interface UploadKey {
  appId: string;
  type: MediaType;
  /** SHA-256 of the content, in hex. */
  hash: string;
}

/** Which files WeChat holds for us, in the table wechat.media_upload. */
export function createMediaUploads(db: Database): MediaUploads {
  return {
    async find({ appId, type, hash }) {
      const row = await db
        .selectFrom('wechat.media_upload')
        .select('media_id')
        .where('app_id', '=', appId)
        .where('media_type', '=', type)
        .where('content_hash', '=', hash)
        .where('expires_at', '>', sql<Date>`now()`)
        .executeTakeFirst();
      return row?.media_id;
    },

    async save({ appId, type, hash }, mediaId, expiresAt) {
      const row = { media_id: mediaId, expires_at: expiresAt, uploaded_at: sql<Date>`now()` };
      await db
        .insertInto('wechat.media_upload')
        .values({ app_id: appId, media_type: type, content_hash: hash, ...row })
        .onConflict((conflict) => conflict.columns(['app_id', 'media_type', 'content_hash']).doUpdateSet(row))
        .execute();
    },

    /** Only the one that was refused: another process may have uploaded it again. */
    async forget({ appId, type, hash }, mediaId) {
      await db
        .deleteFrom('wechat.media_upload')
        .where('app_id', '=', appId)
        .where('media_type', '=', type)
        .where('content_hash', '=', hash)
        .where('media_id', '=', mediaId)
        .execute();
    },
  };
}
