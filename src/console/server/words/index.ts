import type Koa from 'koa';
import type { Language } from '../../../lib/language.js';
import { en } from './en.js';
import { zhCN } from './zh-cn.js';

/** What one language says; English has the form of all. */
export type Words = typeof en & { readonly language: Language };

export function wordsOf(language: Language): Words {
  return { language, ...(language === 'zh-CN' ? zhCN : en) };
}

/** The language of `?lang=`, else the one that the browser likes best. */
export function languageOfRequest(ctx: Pick<Koa.Context, 'query' | 'acceptsLanguages'>): Language {
  const { lang } = ctx.query;
  const wanted =
    typeof lang === 'string' && lang !== '' ? lang : ctx.acceptsLanguages('en', 'zh-CN', 'zh') || 'en';
  return /^zh(?![a-z])/i.test(wanted) ? 'zh-CN' : 'en';
}

export function wordsFor(ctx: Pick<Koa.Context, 'query' | 'acceptsLanguages'>): Words {
  return wordsOf(languageOfRequest(ctx));
}
