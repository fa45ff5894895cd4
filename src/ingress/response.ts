import type Koa from 'koa';

/** WeChat takes what it does not expect as an error and tells the user so: hence no JSON, and no HTML. */
export interface PushResponse {
  status: 200 | 400 | 403 | 404 | 413 | 503;
  text: string;
}

export function respond(ctx: Koa.Context, { status, text }: PushResponse): void {
  if (text === '') {
    // Nothing has no type. Koa takes null for a 204, until it is told otherwise.
    ctx.body = null;
    ctx.status = status;
    return;
  }
  ctx.status = status;
  ctx.type = 'text/plain; charset=utf-8';
  ctx.set('x-content-type-options', 'nosniff');
  ctx.body = text;
}
