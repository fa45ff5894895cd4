import Router from '@koa/router';
import type Koa from 'koa';
import type { Pool } from '../../../db/pool.js';
import type { Language } from '../../../lib/language.js';
import type { Logger } from '../../../observe/log.js';
import type { Browser } from '../browser.js';
import { smallBody } from '../http/json-body.js';
import { languageOfRequest } from '../http/language.js';
import type { Enter } from './entry.js';
import { useLink } from './links.js';

export interface LinkRoutesDependencies {
  pool: Pool;
  browser: Browser;
  enter: Enter;
  log: Logger;
}

const words: Readonly<Record<Language, { title: string; button: string; over: string }>> = {
  en: {
    title: 'Sign in to the console',
    button: 'Sign in',
    over: 'This link was used, or is over. For another one run: wechat-outbox console',
  },
  'zh-CN': {
    title: '登录控制台',
    button: '登录',
    over: '链接已用过或已过期。要新的链接请执行：wechat-outbox console',
  },
};

/**
 * Sign-in by a link. To open it shows a button, and only the button uses it up: programs that look where links lead, as those of
 * chats do, would else take it away from the person it is for.
 */
export function createLinkRoutes({ pool, browser, enter, log }: LinkRoutesDependencies): Router {
  const router = new Router();

  router.get('/link', (ctx) => {
    const { key } = ctx.query;
    const { button } = words[languageOfRequest(ctx)];
    const value = typeof key === 'string' && /^[\w-]{1,100}$/.test(key) ? key : '';
    show(
      ctx,
      `<form method="post" action="link"><input type="hidden" name="key" value="${value}"><button>${button}</button></form>`,
    );
  });

  router.post('/link', smallBody, async (ctx) => {
    const { key } = (ctx.request.body ?? {}) as { key?: unknown };
    const name = typeof key === 'string' ? await useLink(pool, key) : undefined;
    if (name === undefined) {
      const address = browser.address(ctx);
      log.warn({ event: 'sign_in_refused', via: 'link', address }, 'sign-in refused');
      ctx.status = 403;
      return show(ctx, `<p>${words[languageOfRequest(ctx)].over}</p>`);
    }
    await enter(ctx, { name, via: 'link' });
    ctx.status = 303;
    ctx.set('location', '../');
  });

  return router;
}

function show(ctx: Koa.Context, content: string): void {
  const language = languageOfRequest(ctx);
  const { title } = words[language];
  ctx.type = 'html';
  ctx.body = `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="../icon.svg" type="image/svg+xml"><title>${title}</title></head><body><main><h1>${title}</h1>${content}</main></body></html>`;
}
