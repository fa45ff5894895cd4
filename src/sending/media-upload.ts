import type { MediaUploads, UploadKey } from '../accounts/media-uploads.js';
import type { UploadOutcome, WeChatClient } from '../wechat/out/client.js';
import { quotaOf } from './decide.js';
import type { MediaFile } from './media-file.js';

/** The account's uploads are used up for so long; what needs none goes on. */
export interface UsedUp {
  kind: 'quota';
  errcode: number;
  errmsg: string;
  forMs: number;
}

export type Uploaded =
  | { kind: 'used'; mediaId: string }
  | UsedUp
  | { kind: 'not-uploaded'; outcome: Exclude<UploadOutcome, { kind: 'uploaded' }> };

export interface Uploader {
  /** Its quota is the uploads' own: only what needs one waits. */
  usedUp(appId: string): UsedUp | undefined;
  /** One under way in this process, which whoever wants the same shares. */
  underWay(key: UploadKey): Promise<Uploaded> | undefined;
  upload(key: UploadKey, accessToken: string, file: MediaFile): Promise<Uploaded>;
}

export interface UploaderOptions {
  clients: { others(appId: string): Pick<WeChatClient, 'uploadMedia'> };
  uploads: Pick<MediaUploads, 'save'>;
  clock: () => Date;
}

/** WeChat keeps them for three days. */
const keptMs = 3 * 24 * 3_600_000;
/** A delivery may wait between finding its media_id and being sent. */
const safetyMs = 2 * 3_600_000;

/** Gives files to WeChat: the same one for many users at once goes up once. */
export function createUploader({ clients, uploads, clock }: UploaderOptions): Uploader {
  const running = new Map<string, Promise<Uploaded>>();
  /** By account: its quota of uploads is used up until then. */
  const quotas = new Map<string, { until: number; errcode: number; errmsg: string }>();

  function usedUp(appId: string): UsedUp | undefined {
    const quota = quotas.get(appId);
    if (!quota) return undefined;
    const { until, errcode, errmsg } = quota;
    const forMs = until - clock().getTime();
    if (forMs > 0) return { kind: 'quota', errcode, errmsg, forMs };
    quotas.delete(appId);
    return undefined;
  }

  async function run(key: UploadKey, accessToken: string, file: MediaFile): Promise<Uploaded> {
    const { appId, type } = key;
    const outcome = await clients.others(appId).uploadMedia(accessToken, { type, ...file });
    if (outcome.kind === 'uploaded') {
      const { mediaId } = outcome;
      await uploads.save(key, mediaId, new Date(clock().getTime() + keptMs - safetyMs));
      return { kind: 'used', mediaId };
    }
    if (outcome.kind === 'refused' && outcome.errorClass === 'throttled') {
      const { errcode, errmsg } = outcome;
      const now = clock();
      quotas.set(appId, { until: now.getTime() + quotaOf(errcode, now).forMs, errcode, errmsg });
    }
    return usedUp(appId) ?? { kind: 'not-uploaded', outcome };
  }

  return {
    usedUp,
    underWay: (key) => running.get(nameOf(key)),
    upload(key, accessToken, file) {
      const name = nameOf(key);
      const shared = running.get(name);
      if (shared) return shared;
      const upload = run(key, accessToken, file).finally(() => running.delete(name));
      running.set(name, upload);
      return upload;
    },
  };
}

const nameOf = ({ appId, type, hash }: UploadKey) => `${appId} ${type} ${hash}`;
