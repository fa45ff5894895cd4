import { Readable } from 'node:stream';
import type Koa from 'koa';
import { say } from '../../../lib/language.js';
import { Refusal } from '../http/refusal.js';
import type { MediaCache, MediaKey } from './media-cache.js';
import type { FetchMedia } from './media-fetch.js';
import { servedAs } from './media-kinds.js';

export interface MediaDependencies {
  fetch: FetchMedia;
  cache: Pick<MediaCache, 'read'>;
}

/** `m12` or `12`: what the user sent with message 12; `d34`: what delivery 34 sent. */
const keyShape = /^(m|d)?(\d{1,18})$/;

/**
 * A file of a conversation, whole or a range of it, which players ask for. Its type is what its bytes say, and is never one that could
 * run in a page.
 */
export async function serveMedia(
  ctx: Koa.Context,
  key: string | undefined,
  { fetch, cache }: MediaDependencies,
): Promise<void> {
  const place = await fetch(keyOf(key));
  const { contentType, bytes } = place.kept;
  const kind = servedAs(contentType);
  if (!kind) throw new Error(`A file of the type ${contentType} is kept, which is not served`);
  ctx.set({
    'x-content-type-options': 'nosniff',
    'content-security-policy': `default-src 'none'; sandbox`,
    'cross-origin-resource-policy': 'same-origin',
    'content-disposition': `${kind.isShown ? 'inline' : 'attachment'}; filename="${key}.${kind.extension}"`,
    // A message that is forgotten is forgotten here, too: the browser asks each time.
    'cache-control': 'private, no-cache',
    'accept-ranges': 'bytes',
  });
  ctx.etag = `${place.messageId}-${place.position}-${bytes}`;
  ctx.status = 200;
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  const range = rangeOf(ctx, bytes);
  if (range === 'unsatisfiable') {
    ctx.status = 416;
    ctx.set('content-range', `bytes */${bytes}`);
    return;
  }
  const { from, to } = range ?? { from: 0, to: bytes };
  if (range) {
    ctx.status = 206;
    ctx.set('content-range', `bytes ${from}-${to - 1}/${bytes}`);
  }
  ctx.type = contentType;
  ctx.length = to - from;
  if (ctx.method !== 'HEAD') ctx.body = Readable.from(cache.read(place, from, to), { objectMode: false });
}

function keyOf(key: string | undefined): MediaKey {
  const [, kind, id] = keyShape.exec(key ?? '') ?? [];
  if (id === undefined) throw new Refusal(404, 'no_media', say('There is no such file', '没有这个文件'));
  return kind === 'd' ? { deliveryId: id } : { messageId: id };
}

type Range = { from: number; to: number };

/** One range; several, or what cannot be read, count as none, as RFC 9110 allows. `to` is exclusive. */
export function rangeOf(ctx: Koa.Context, bytes: number): Range | 'unsatisfiable' | undefined {
  const condition = ctx.get('if-range');
  if (condition !== '' && condition !== ctx.response.get('etag')) return undefined;
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(ctx.get('range')) ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const tail = Math.min(Number(last), bytes);
    return tail === 0 ? 'unsatisfiable' : { from: bytes - tail, to: bytes };
  }
  const from = Number(first);
  const to = last === '' ? bytes : Math.min(Number(last) + 1, bytes);
  if (last !== '' && Number(last) < from) return undefined;
  return from >= bytes ? 'unsatisfiable' : { from, to };
}
