import type Koa from 'koa';
import type { Language } from '../../../lib/language.js';
import { languageOfRequest } from '../http/language.js';
import { en } from './en.js';
import { zhCN } from './zh-cn.js';

/** What one language says; English has the form of all. */
export type Words = typeof en & { readonly language: Language };

export function wordsOf(language: Language): Words {
  return { language, ...(language === 'zh-CN' ? zhCN : en) };
}

export function wordsFor(ctx: Pick<Koa.Context, 'query' | 'acceptsLanguages'>): Words {
  return wordsOf(languageOfRequest(ctx));
}
