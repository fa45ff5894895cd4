import type { Caching } from '../lib/web.js';
import type { MediaSource, MediaType } from '../wechat/out/reply.js';
import type { FileStamp } from './media-file.js';

/** What was found out about a source, and what tells whether it still holds. */
export type Known =
  | { kind: 'file'; hash: string; stamp: FileStamp }
  | ({ kind: 'url'; hash: string } & Freshness);

export interface Freshness {
  /** In milliseconds that never run backwards: until then nobody asks whether it has changed. */
  freshUntil: number;
  etag: string | undefined;
  lastModified: string | undefined;
}

/** For URLs whose server says nothing about how long a response holds, and nothing by which to ask again. */
const freshForMs = 10 * 60_000;

/** However long a server says. */
const maxFreshMs = 24 * 3_600_000;

/**
 * How long a response of the web holds: as long as its server says. Where it gives only a mark to ask by, it is asked each time,
 * and need not send the content again.
 *
 * @param before the marks of the response that this one confirms, if it confirms one
 */
export function freshness(
  { cacheControl = '', etag, lastModified }: Caching,
  before: Pick<Freshness, 'etag' | 'lastModified'> | undefined,
  now: number,
): Freshness {
  const marks = { etag: etag ?? before?.etag, lastModified: lastModified ?? before?.lastModified };
  return { freshUntil: now + freshMs(cacheControl.toLowerCase(), isAskable(marks)), ...marks };
}

/** Whether the server can be asked if it has changed. */
export function isAskable({ etag, lastModified }: Pick<Freshness, 'etag' | 'lastModified'>): boolean {
  return etag !== undefined || lastModified !== undefined;
}

export function isSameFile(left: FileStamp, right: FileStamp): boolean {
  return left.mtimeMs === right.mtimeMs && left.bytes === right.bytes && left.inode === right.inode;
}

/** What is taken for the same source: a type checks its content in its own way. */
export function sourceName(source: MediaSource, type: MediaType): string {
  return 'file' in source ? `${type} file ${source.file}` : `${type} url ${source.url}`;
}

function freshMs(cacheControl: string, canAsk: boolean): number {
  if (/\bno-(store|cache)\b/.test(cacheControl)) return 0;
  const seconds = /\bmax-age=(\d{1,10})/.exec(cacheControl)?.[1];
  if (seconds !== undefined) return Math.min(Number(seconds) * 1_000, maxFreshMs);
  return canAsk ? 0 : freshForMs;
}
