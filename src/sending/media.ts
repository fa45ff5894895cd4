import type { MediaUploads, UploadKey } from '../accounts/media-uploads.js';
import type { Web } from '../lib/web.js';
import type { AppCredentials } from '../wechat/out/client.js';
import type { MediaSource, MediaType, WirePayload } from '../wechat/out/reply.js';
import type { SendClients } from './clients.js';
import type { NoFile } from './media-file.js';
import { createMediaReader, type MediaReader } from './media-reader.js';
import { createUploader, type Uploaded, type Uploader } from './media-upload.js';

export interface MediaDependencies {
  clients: Pick<SendClients, 'others'>;
  uploads: MediaUploads;
  web: Web;
  clock: () => Date;
  /** Milliseconds that never run backwards. */
  now(): number;
}

export type Resolved =
  | { kind: 'ready'; payload: WirePayload; used: UsedUpload[] }
  | NoFile
  | Exclude<Uploaded, { kind: 'used' }>;

export interface UsedUpload extends UploadKey {
  mediaId: string;
}

export interface Media {
  /** Puts a media_id in the place of every file or URL; uploads what WeChat does not hold yet. */
  resolve(account: AppCredentials, accessToken: string, payload: WirePayload): Promise<Resolved>;
  /** WeChat refused these media_ids (40007): the next `resolve` uploads again. */
  forget(used: readonly UsedUpload[]): Promise<void>;
}

const mediaFields = ['media_id', 'thumb_media_id'] as const;

interface Tools {
  uploads: MediaUploads;
  reader: MediaReader;
  uploader: Uploader;
}

/** One file or URL of an account's reply. */
interface Wanted {
  appId: string;
  accessToken: string;
  source: MediaSource;
  type: MediaType;
}

export function createMedia({ clients, uploads, web, clock, now }: MediaDependencies): Media {
  const reader = createMediaReader({ web, now });
  const uploader = createUploader({ clients, uploads, clock });
  const tools: Tools = { uploads, reader, uploader };

  return {
    async resolve({ appId }, accessToken, payload) {
      const part = payload[payload.msgtype];
      const used: UsedUpload[] = [];
      if (!isObject(part)) return { kind: 'ready', payload, used };
      const resolved: Record<string, unknown> = { ...part };
      for (const name of mediaFields) {
        const source = part[name];
        if (!isSource(source)) continue;
        const type = typeOf(name, payload.msgtype);
        const one = await resolveOne(tools, { appId, accessToken, source, type });
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

type OneResolved = { kind: 'used'; used: UsedUpload } | Exclude<Resolved, { kind: 'ready' }>;

async function resolveOne(tools: Tools, wanted: Wanted): Promise<OneResolved> {
  const { appId, accessToken, source, type } = wanted;
  const looked = await tools.reader.look(source, type);
  if (looked.kind === 'refused' || looked.kind === 'transient') return looked;
  try {
    const hash = looked.kind === 'known' ? looked.hash : looked.file.hash;
    const key = { appId, type, hash };
    const mediaId = await tools.uploads.find(key);
    if (mediaId !== undefined) return { kind: 'used', used: { ...key, mediaId } };
    const usedUp = tools.uploader.usedUp(appId);
    if (usedUp) return usedUp;
    if (looked.kind === 'read')
      return toResolved(key, await tools.uploader.upload(key, accessToken, looked.file));
    return await readAndUpload(tools, wanted, key);
  } finally {
    if (looked.kind === 'read') looked.giveBack();
  }
}

/** Known by its hash, and WeChat does not hold it (any longer): its content is wanted after all, and may be another by now. */
async function readAndUpload(tools: Tools, wanted: Wanted, known: UploadKey): Promise<OneResolved> {
  const { accessToken, source, type } = wanted;
  const underWay = tools.uploader.underWay(known);
  if (underWay) return toResolved(known, await underWay);
  const read = await tools.reader.read(source, type);
  if (read.kind !== 'read') return read;
  try {
    const key = { ...known, hash: read.file.hash };
    return toResolved(key, await tools.uploader.upload(key, accessToken, read.file));
  } finally {
    read.giveBack();
  }
}

function toResolved(key: UploadKey, uploaded: Uploaded): OneResolved {
  if (uploaded.kind !== 'used') return uploaded;
  return { kind: 'used', used: { ...key, mediaId: uploaded.mediaId } };
}

/** Whether something must be uploaded, or found uploaded, before this can be sent. */
export function hasMediaSource(payload: WirePayload): boolean {
  const part = payload[payload.msgtype];
  return isObject(part) && mediaFields.some((name) => isSource(part[name]));
}

function typeOf(field: (typeof mediaFields)[number], msgtype: string): MediaType {
  // The picture of a mini program must be of type image, though the field is named as the others' thumb.
  if (field === 'thumb_media_id') return msgtype === 'miniprogrampage' ? 'image' : 'thumb';
  return msgtype === 'voice' || msgtype === 'video' ? msgtype : 'image';
}

function isSource(value: unknown): value is MediaSource {
  return isObject(value) && (typeof value.file === 'string' || typeof value.url === 'string');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
