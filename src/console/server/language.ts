import type Koa from 'koa';
import type { Language } from '../../lib/language.js';

/** By `?lang=`, else as the browser prefers; English where it names neither. */
export function languageOfRequest(ctx: Koa.Context): Language {
  const { lang } = ctx.query;
  if (lang === 'zh-CN' || lang === 'en') return lang;
  const accepted = ctx.acceptsLanguages('en', 'zh-CN', 'zh');
  return accepted === 'zh' || accepted === 'zh-CN' ? 'zh-CN' : 'en';
}
