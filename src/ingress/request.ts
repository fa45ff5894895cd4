import { parse } from 'node:querystring';
import type Koa from 'koa';
import { koaBody } from 'koa-body';
import type { EnvelopeQuery } from '../wechat/in/envelope.js';
import type { SignedQuery } from '../wechat/in/signature.js';
import type { PushResponse } from './response.js';

export type BodyResult = { ok: true; text: string } | { ok: false; response: PushResponse };

const bodyLimit = 256 * 1024;

/** No encoding: the bytes as they came, decoded once, by us. Every type of body is read. */
const readRaw = koaBody({
  text: true,
  textTypes: ['*/*'],
  textLimit: bodyLimit,
  encoding: '',
  json: false,
  urlencoded: false,
  multipart: false,
  patchNode: false,
});

/** The body as text, of whatever type it says it is. */
export async function readBody(ctx: Koa.Context): Promise<BodyResult> {
  // A push without a type is still a push.
  ctx.req.headers['content-type'] ??= 'text/xml';
  try {
    await readRaw(ctx, async () => undefined);
    return { ok: true, text: decode(ctx.request.body) };
  } catch (error) {
    if (error instanceof Error && 'status' in error && error.status === 413) {
      // Read no further: the rest of the body would be taken for the next request.
      ctx.set('connection', 'close');
      return { ok: false, response: { status: 413, text: 'more than 256 KiB' } };
    }
    return { ok: false, response: { status: 400, text: 'the body could not be read' } };
  }
}

function decode(body: unknown): string {
  return Buffer.isBuffer(body) ? body.toString('utf8') : '';
}

export type PushQuery = SignedQuery & EnvelopeQuery & { echostr: string | undefined };

/** Koa's way to the query goes by URLSearchParams, which is slower. */
export function readQuery({ querystring }: Koa.Context): PushQuery {
  const { signature, timestamp, nonce, msg_signature, echostr } = parse(querystring);
  return {
    signature: single(signature),
    timestamp: single(timestamp),
    nonce: single(nonce),
    msg_signature: single(msg_signature),
    echostr: single(echostr),
  };
}

/** Of the proxy in front: WeChat sends none. */
export const givenId = (ctx: Koa.Context) => header(ctx, 'x-request-id');

export const givenTrace = (ctx: Koa.Context) => header(ctx, 'traceparent');

/** Where a push came from, as WeChat Cloud Hosting says in a header, by its name of today or the one before. */
export const sourceOf = (ctx: Koa.Context) => header(ctx, 'x-wx-source') || header(ctx, 'x-wx-sources');

function header({ req }: Koa.Context, name: string): string | undefined {
  return single(req.headers[name]);
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
