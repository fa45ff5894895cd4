import { randomBytes } from 'node:crypto';
import type { Accounts } from './accounts.js';
import { extensionOf, type MediaType } from './media-formats.js';

/** A file that the account uploaded. */
export interface MediaUpload {
  readonly at: number;
  readonly appId: string;
  readonly type: MediaType;
  readonly mediaId: string;
  readonly filename: string;
  readonly bytes: Buffer;
}

/** A file that a user sends. */
export interface InboundMedia {
  /** Default: the first account. */
  appId?: string;
  type: MediaType;
  bytes: Uint8Array;
  contentType: string;
  /** Default: the media id, with the ending of its content type. */
  filename?: string;
}

/** What a test may see of the temporary media, and do to them. */
export interface MediaControls {
  /** Those that were accepted, in order. */
  readonly uploads: readonly MediaUpload[];
  /** @returns the media id, to be downloaded for 3 days; for a user's message, as in `user.image({ mediaId })` */
  add(media: InboundMedia): string;
  /**
   * Ends the 3 days now, of an upload or of what was added.
   *
   * @throws Error for an id that this simulator never issued
   */
  expire(mediaId: string): void;
}

export interface KeptMedia {
  type: MediaType;
  bytes: Buffer;
  contentType: string;
  filename: string;
}

export interface Media extends MediaControls {
  /** Keeps what has been examined already. */
  upload(appId: string, file: KeptMedia): MediaUpload;
  /** Undefined when it is unknown, expired, or another account's. */
  find(mediaId: string, appId: string): KeptMedia | undefined;
  /** For a link, which needs no token: whoever has the id may see it. */
  findByLink(mediaId: string): KeptMedia | undefined;
  /** False for what was issued here and is no longer, or not this account's; an unknown id may be permanent media. */
  mayBeSent(mediaId: string, appId: string): boolean;
}

interface Entry extends KeptMedia {
  appId: string;
  endsAt: number;
}

const lifetimeMs = 3 * 86_400_000;

export function createMedia(accounts: Accounts, clock: () => number): Media {
  const uploads: MediaUpload[] = [];
  const entries = new Map<string, Entry>();

  function keep(mediaId: string, appId: string, { type, bytes, contentType, filename }: KeptMedia): void {
    entries.set(mediaId, { appId, type, bytes, contentType, filename, endsAt: clock() + lifetimeMs });
  }

  function findByLink(mediaId: string): Entry | undefined {
    const entry = entries.get(mediaId);
    return entry && entry.endsAt > clock() ? entry : undefined;
  }

  function find(mediaId: string, appId: string): Entry | undefined {
    const entry = findByLink(mediaId);
    return entry?.appId === appId ? entry : undefined;
  }

  return {
    uploads,
    upload(appId, file) {
      const mediaId = newMediaId();
      keep(mediaId, appId, file);
      const { type, filename, bytes } = file;
      const upload: MediaUpload = { at: clock(), appId, type, mediaId, filename, bytes };
      uploads.push(upload);
      return upload;
    },
    add({ appId, type, bytes, contentType, filename }) {
      const mediaId = newMediaId();
      keep(mediaId, accounts.of(appId).account.appId, {
        type,
        bytes: Buffer.from(bytes),
        contentType,
        filename: filename ?? [mediaId, extensionOf(contentType) ?? 'bin'].join('.'),
      });
      return mediaId;
    },
    expire(mediaId) {
      const entry = entries.get(mediaId);
      if (!entry) throw new Error(`The simulator never issued the media id ${mediaId}`);
      entry.endsAt = clock();
    },
    find,
    findByLink,
    mayBeSent: (mediaId, appId) => !entries.has(mediaId) || find(mediaId, appId) !== undefined,
  };
}

/** 64 characters, as WeChat's. */
function newMediaId(): string {
  return `SIM_${randomBytes(45).toString('base64url')}`;
}
