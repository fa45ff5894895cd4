import type { Web } from '../lib/web.js';
import type { AppCredentials, UploadOutcome, WeChatClient } from '../wechat/out/client.js';
import type { MediaSource, MediaType, WirePayload } from '../wechat/out/reply.js';
import { readMedia } from './media-file.js';

/** What WeChat holds for us, shared by all processes; over Postgres in db/media-uploads.ts. */
export interface MediaUploads {
  find(key: UploadKey): Promise<string | undefined>;
  save(key: UploadKey, mediaId: string, expiresAt: Date): Promise<void>;
  forget(key: UploadKey, mediaId: string): Promise<void>;
}

export interface UploadKey {
  appId: string;
  type: MediaType;
  hash: string;
}

export interface MediaDependencies {
  client: Pick<WeChatClient, 'uploadMedia'>;
  uploads: MediaUploads;
  web: Web;
  clock: () => Date;
}

export type Resolved =
  | { kind: 'ready'; payload: WirePayload; used: UsedUpload[] }
  /** The file will never do. */
  | { kind: 'refused'; problem: string }
  /** No file could be had now. */
  | { kind: 'transient'; problem: string }
  | { kind: 'not-uploaded'; outcome: Exclude<UploadOutcome, { kind: 'uploaded' }> };

export interface UsedUpload extends UploadKey {
  mediaId: string;
}

export interface Media {
  /** Puts a media_id in the place of every file or URL; uploads what WeChat does not hold yet. */
  resolve(account: AppCredentials, accessToken: string, payload: WirePayload): Promise<Resolved>;
  /** WeChat refused these media_ids (40007): the next `resolve` uploads again. */
  forget(used: readonly UsedUpload[]): Promise<void>;
}

/** WeChat keeps them for three days. */
const keptMs = 3 * 24 * 3_600_000;
/** A delivery may wait between finding its media_id and being sent. */
const safetyMs = 2 * 3_600_000;

const mediaFields = ['media_id', 'thumb_media_id'] as const;

export function createMedia({ client, uploads, web, clock }: MediaDependencies): Media {
  /** Uploads under way in this process: the same file for many users goes up once. */
  const underWay = new Map<string, Promise<UploadOutcome>>();

  async function resolveOne(
    { appId }: AppCredentials,
    accessToken: string,
    source: MediaSource,
    type: MediaType,
  ): Promise<{ kind: 'used'; used: UsedUpload } | Exclude<Resolved, { kind: 'ready' }>> {
    const read = await readMedia(source, type, web);
    if (read.kind !== 'read') return read;
    const { file } = read;
    const key = { appId, type, hash: file.hash };
    const known = await uploads.find(key);
    if (known !== undefined) return { kind: 'used', used: { ...key, mediaId: known } };
    const name = `${appId} ${type} ${file.hash}`;
    const upload = underWay.get(name) ?? uploadAndSave();
    underWay.set(name, upload);
    const outcome = await upload.finally(() => underWay.delete(name));
    if (outcome.kind !== 'uploaded') return { kind: 'not-uploaded', outcome };
    return { kind: 'used', used: { ...key, mediaId: outcome.mediaId } };

    async function uploadAndSave(): Promise<UploadOutcome> {
      const result = await client.uploadMedia(accessToken, { type, ...file });
      if (result.kind === 'uploaded') {
        await uploads.save(key, result.mediaId, new Date(clock().getTime() + keptMs - safetyMs));
      }
      return result;
    }
  }

  return {
    async resolve(account, accessToken, payload) {
      const part = payload[payload.msgtype];
      const used: UsedUpload[] = [];
      if (!isObject(part)) return { kind: 'ready', payload, used };
      const resolved: Record<string, unknown> = { ...part };
      for (const name of mediaFields) {
        const source = part[name];
        if (!isSource(source)) continue;
        const one = await resolveOne(account, accessToken, source, typeOf(name, payload.msgtype));
        if (one.kind !== 'used') return one;
        used.push(one.used);
        resolved[name] = one.used.mediaId;
      }
      if (used.length === 0) return { kind: 'ready', payload, used };
      return { kind: 'ready', payload: { ...payload, [payload.msgtype]: resolved }, used };
    },

    async forget(used) {
      for (const { mediaId, ...key } of used) await uploads.forget(key, mediaId);
    },
  };
}

/** Whether something must be uploaded, or found uploaded, before this can be sent. */
export function hasMediaSource(payload: WirePayload): boolean {
  const part = payload[payload.msgtype];
  return isObject(part) && mediaFields.some((name) => isSource(part[name]));
}

function typeOf(field: (typeof mediaFields)[number], msgtype: string): MediaType {
  if (field === 'thumb_media_id') return 'thumb';
  return msgtype === 'voice' || msgtype === 'video' ? msgtype : 'image';
}

function isSource(value: unknown): value is MediaSource {
  return isObject(value) && (typeof value.file === 'string' || typeof value.url === 'string');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
