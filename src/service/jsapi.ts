import Router from '@koa/router';
import type Koa from 'koa';
import type { Jsapi } from '../accounts/jsapi.js';
import type { AccountConfig } from '../config/settings.js';
import type { Logger } from '../observe/log.js';

export interface JsapiDependencies {
  accounts: readonly AccountConfig[];
  jsapi: Jsapi;
  log: Logger;
}

type SignatureResponse = { status: 200 | 400 | 403 | 404 | 503; body: Readonly<Record<string, unknown>> };

/**
 * `GET /jsapi/signature?url=…[&account=…]`: what a page of an allowed origin needs for wx.config of the JS-SDK, as
 * JSON: appId, timestamp, nonceStr and signature.
 */
export function createJsapiRoute({ accounts, jsapi, log }: JsapiDependencies): Router {
  async function sign(url: string | undefined, appId: string | undefined): Promise<SignatureResponse> {
    const account = appId === undefined ? accounts[0] : accounts.find((one) => one.appId === appId);
    if (!account) return { status: 404, body: { error: 'unknown account' } };
    const origin = originOf(url);
    if (url === undefined || origin === undefined) {
      return { status: 400, body: { error: 'url must be the address of the page, http(s)' } };
    }
    if (!account.jsapiOrigins.includes(origin)) {
      return { status: 403, body: { error: `${origin} is not among the account's jsapi origins` } };
    }
    try {
      return { status: 200, body: { ...(await jsapi.sign(account, url)) } };
    } catch (error) {
      log.error({ event: 'jsapi_failed', app_id: account.appId, err: error }, 'no jsapi signature');
      return { status: 503, body: { error: 'no jsapi_ticket could be had, try again' } };
    }
  }

  const router = new Router();
  router.get('/jsapi/signature', async (ctx) => {
    const { status, body } = await sign(single(ctx.query.url), single(ctx.query.account));
    ctx.status = status;
    ctx.body = body;
    ctx.set('cache-control', 'no-store');
    allowOrigin(ctx);
  });
  return router;

  /** The page may ask from another host than the one that serves it. */
  function allowOrigin(ctx: Koa.Context): void {
    const origin = ctx.get('origin');
    ctx.vary('Origin');
    if (accounts.some(({ jsapiOrigins }) => jsapiOrigins.includes(origin))) {
      ctx.set('access-control-allow-origin', origin);
    }
  }
}

function originOf(url: string | undefined): string | undefined {
  try {
    const { origin, protocol } = new URL(url ?? '');
    return /^https?:$/.test(protocol) ? origin : undefined;
  } catch {
    return undefined;
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
