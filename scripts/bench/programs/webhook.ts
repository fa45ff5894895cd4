/**
 * The webhook of what is measured beside the product: Koa with its router and body parser, and a parser for XML. It checks the
 * signature, parses, waits until the message is stored, and answers.
 */
import { createHash } from 'node:crypto';
import Router from '@koa/router';
import { XMLParser } from 'fast-xml-parser';
import Koa from 'koa';
import { koaBody } from 'koa-body';
import { serveHealth } from './health.ts';

const { WECHAT_TOKEN = '', PORT } = process.env;
const parser = new XMLParser({ parseTagValue: false });

/** What WeChat pushed, by the names of its elements. */
export type Fields = Readonly<Record<string, string>>;

export function serveWebhook(store: (message: Fields) => Promise<unknown>): void {
  const router = new Router();
  router.post('/wechat', koaBody({ text: true, textTypes: ['*/*'], textLimit: '256kb' }), async (ctx) => {
    const { signature, timestamp, nonce } = ctx.query;
    const expected = createHash('sha1')
      .update([WECHAT_TOKEN, String(timestamp), String(nonce)].sort().join(''))
      .digest('hex');
    if (signature !== expected) ctx.throw(403);
    const { xml } = parser.parse(String(ctx.request.body)) as { xml: Fields };
    await store(xml);
    ctx.status = 200;
    ctx.body = '';
  });
  new Koa().use(router.routes()).listen(Number(PORT), '127.0.0.1', serveHealth);
}
