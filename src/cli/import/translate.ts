import type { Article, Reply } from '../../wechat/out/reply.js';
import type { Words } from '../words/index.js';
import type { ConsoleArticle, ConsoleReply, ConsoleRule } from './console-replies.js';
import type { ImportFiles } from './files.js';

export type ImportWords = Words['commands']['rulesImport'];

/** A reply as a rules file has it; undefined: it cannot be had. */
interface TranslatedReply {
  reply?: string | Reply;
  /** What is to be known of it. */
  note?: string;
  /** What cannot be had of it. */
  missing?: string;
}

export interface Translated {
  /** Undefined: nothing of it can be had. */
  answer: unknown;
  notes: readonly string[];
  missing: readonly string[];
}

/** What the console answers, in the words of a rules file. */
export async function translate(
  { replies, isRandom }: Pick<ConsoleRule, 'replies' | 'isRandom'>,
  files: ImportFiles,
  words: ImportWords,
): Promise<Translated> {
  const translated: TranslatedReply[] = [];
  for (const reply of replies) translated.push(await translateReply(reply, files, words));
  const had = translated.flatMap(({ reply }) => (reply === undefined ? [] : [reply]));
  const [first] = had;
  const several = isRandom ? { oneOf: had } : had;
  return {
    answer: had.length > 1 ? several : first,
    notes: translated.flatMap(({ note }) => note ?? []),
    missing: translated.flatMap(({ missing }) => missing ?? []),
  };
}

async function translateReply(
  reply: ConsoleReply,
  files: ImportFiles,
  words: ImportWords,
): Promise<TranslatedReply> {
  const { missing } = words;
  switch (reply.kind) {
    case 'text':
      return reply.content.trim() === ''
        ? { missing: missing.other('text') }
        : { reply: plain(reply.content) };
    case 'image':
    case 'voice': {
      const fetched = await files.fetch(reply.mediaId);
      if (fetched.kind === 'file') return { reply: { type: reply.kind, media: { file: fetched.file } } };
      return { missing: missing.file(words.kinds[reply.kind], fetched.problem) };
    }
    case 'video': {
      const fetched = await files.fetch(reply.content);
      if (fetched.kind === 'missing') return { missing: missing.file(words.kinds.video, fetched.problem) };
      const thumb = await files.greyPicture();
      return {
        reply: { type: 'video', media: { file: fetched.file }, thumb: { file: thumb } },
        note: words.greyPicture(thumb),
      };
    }
    case 'news': {
      const articles = reply.articles.flatMap(toArticle);
      if (articles.length > 1)
        return { reply: { type: 'news', articles }, note: words.severalArticles(articles.length) };
      if (articles.length === 1) return { reply: { type: 'news', articles } };
      return reply.mediaId === ''
        ? { missing: missing.news }
        : { reply: { type: 'mpnews', mediaId: reply.mediaId } };
    }
    case 'other':
      return { missing: missing.other(reply.type) };
  }
}

function toArticle({ title, digest, coverUrl, contentUrl }: ConsoleArticle): Article[] {
  if (title.trim() === '') return [];
  return [
    {
      title: plain(title),
      ...(digest.trim() === '' ? {} : { description: plain(digest) }),
      ...(isWebUrl(contentUrl) ? { url: plain(contentUrl) } : {}),
      ...(isWebUrl(coverUrl) ? { picUrl: plain(coverUrl) } : {}),
    },
  ];
}

function isWebUrl(url: string): boolean {
  return /^https?:\/\//i.test(url);
}

/** Two braces would begin a field. */
function plain(text: string): string {
  return text.replaceAll('{{', '\\{{');
}
