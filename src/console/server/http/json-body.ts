import type Koa from 'koa';
import { koaBody } from 'koa-body';

const parse = (limitBytes: number) =>
  koaBody({
    json: true,
    jsonLimit: limitBytes,
    urlencoded: true,
    formLimit: limitBytes,
    text: false,
    multipart: false,
    patchNode: false,
  });

/** Of somebody who is not known yet. */
export const smallBody = parse(16 * 1024);

const largeBody = parse(1024 * 1024);

/** Other types are left to the route that wants them. */
export const jsonBody: Koa.Middleware = (ctx, next) => (ctx.is('json') ? largeBody(ctx, next) : next());
