import type { MediaUploads, UploadKey } from '../accounts/media-uploads.js';
import type { AppCredentials, UploadOutcome } from '../wechat/out/client.js';
import type { MediaSource, MediaType, WirePayload } from '../wechat/out/reply.js';
import type { SendClients } from './clients.js';
import { quotaOf } from './decide.js';
import type { MediaFile, NoFile } from './media-file.js';
import type { MediaReader } from './media-reader.js';

export interface MediaDependencies {
  clients: Pick<SendClients, 'others'>;
  uploads: MediaUploads;
  reader: MediaReader;
  clock: () => Date;
}

export type Resolved =
  | { kind: 'ready'; payload: WirePayload; used: UsedUpload[] }
  | NoFile
  /** The account's uploads are used up for so long; what needs none goes on. */
  | { kind: 'quota'; errcode: number; errmsg: string; forMs: number }
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

type OneResolved = { kind: 'used'; used: UsedUpload } | Exclude<Resolved, { kind: 'ready' }>;

export function createMedia({ clients, uploads, reader, clock }: MediaDependencies): Media {
  /** Uploads under way in this process: the same file for many users goes up once. */
  const underWay = new Map<string, Promise<UploadOutcome>>();
  /** By account: its quota of uploads is used up until then. */
  const usedUp = new Map<string, { until: number; errcode: number; errmsg: string }>();

  async function resolveOne(
    { appId }: AppCredentials,
    accessToken: string,
    source: MediaSource,
    type: MediaType,
  ): Promise<OneResolved> {
    const looked = await reader.look(source, type);
    if (looked.kind === 'refused' || looked.kind === 'transient') return looked;
    try {
      const hash = looked.kind === 'known' ? looked.hash : looked.file.hash;
      const key = { appId, type, hash };
      const mediaId = await uploads.find(key);
      if (mediaId !== undefined) return { kind: 'used', used: { ...key, mediaId } };
      const held = quotaLeft(appId);
      if (held) return held;
      if (looked.kind === 'read') return await uploadOnce(key, accessToken, looked.file);
      return await readAndUpload(key, accessToken, source);
    } finally {
      if (looked.kind === 'read') looked.giveBack();
    }
  }

  /** Known by its hash, and WeChat does not hold it (any longer): its content is wanted after all. */
  async function readAndUpload(
    key: UploadKey,
    accessToken: string,
    source: MediaSource,
  ): Promise<OneResolved> {
    if (underWay.has(nameOf(key))) return uploadOnce(key, accessToken, undefined);
    const read = await reader.read(source, key.type);
    if (read.kind !== 'read') return read;
    try {
      return await uploadOnce({ ...key, hash: read.file.hash }, accessToken, read.file);
    } finally {
      read.giveBack();
    }
  }

  /** @param file undefined only where its upload is under way */
  async function uploadOnce(
    key: UploadKey,
    accessToken: string,
    file: MediaFile | undefined,
  ): Promise<OneResolved> {
    const name = nameOf(key);
    let upload = underWay.get(name);
    if (!upload) {
      if (!file) return { kind: 'transient', problem: 'it was not read' };
      upload = uploadAndSave(key, accessToken, file).finally(() => underWay.delete(name));
      underWay.set(name, upload);
    }
    const outcome = await upload;
    if (outcome.kind === 'uploaded') return { kind: 'used', used: { ...key, mediaId: outcome.mediaId } };
    if (outcome.kind === 'refused' && outcome.errorClass === 'throttled') {
      const { errcode, errmsg } = outcome;
      const now = clock();
      usedUp.set(key.appId, { until: now.getTime() + quotaOf(errcode, now).forMs, errcode, errmsg });
    }
    return quotaLeft(key.appId) ?? { kind: 'not-uploaded', outcome };
  }

  async function uploadAndSave(key: UploadKey, accessToken: string, file: MediaFile): Promise<UploadOutcome> {
    const result = await clients.others(key.appId).uploadMedia(accessToken, { type: key.type, ...file });
    if (result.kind === 'uploaded') {
      await uploads.save(key, result.mediaId, new Date(clock().getTime() + keptMs - safetyMs));
    }
    return result;
  }

  function quotaLeft(appId: string): Extract<Resolved, { kind: 'quota' }> | undefined {
    const held = usedUp.get(appId);
    if (!held) return undefined;
    const forMs = held.until - clock().getTime();
    if (forMs > 0) return { kind: 'quota', errcode: held.errcode, errmsg: held.errmsg, forMs };
    usedUp.delete(appId);
    return undefined;
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

const nameOf = ({ appId, type, hash }: UploadKey) => `${appId} ${type} ${hash}`;

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
