/** What people are told in. Machines read English: logs, JSON and the database stay in it. */
export type Language = 'en' | 'zh-CN';

export type InEachLanguage<T = string> = Readonly<Record<Language, T>>;

export const say = (english: string, chinese: string): InEachLanguage => ({ en: english, 'zh-CN': chinese });

const between = '\u001f';

/** A text in both languages where one text alone can be passed on, such as the message of an issue of zod; see `apart`. */
export const both = (english: string, chinese: string): string => english + between + chinese;

/** What `both` put together; undefined for any other text. */
export function apart(text: string): InEachLanguage | undefined {
  const [english = '', chinese] = text.split(between);
  return chinese === undefined ? undefined : say(english, chinese);
}

/**
 * The language that an environment asks for: WECHAT_OUTBOX_LANG's, else that of the locale, by POSIX's order. All of zh is
 * Chinese, and all the rest English. An empty value counts as none.
 */
export function languageOf(environment: Readonly<Record<string, string | undefined>>): Language {
  const { WECHAT_OUTBOX_LANG, LC_ALL, LC_MESSAGES, LANG } = environment;
  const locale = WECHAT_OUTBOX_LANG || LC_ALL || LC_MESSAGES || LANG || '';
  return /^zh(?![a-z])/i.test(locale) ? 'zh-CN' : 'en';
}
