import type Koa from 'koa';
import type { Language } from '../../../lib/language.js';

/** The language of `?lang=`, else the one that the browser likes best. All of zh is Chinese, and all the rest English. */
export function languageOfRequest(ctx: Pick<Koa.Context, 'query' | 'acceptsLanguages'>): Language {
  const { lang } = ctx.query;
  const wanted =
    typeof lang === 'string' && lang !== '' ? lang : ctx.acceptsLanguages('en', 'zh-CN', 'zh') || 'en';
  return /^zh(?![a-z])/i.test(wanted) ? 'zh-CN' : 'en';
}
