import type { Reply } from '../../wechat/out/reply.js';

/** The reply with each text that a user gets to read put through `change`; the reply itself where none was changed. */
export function mapShownTexts(reply: Reply, change: (text: string) => string): Reply {
  let isChanged = false;
  const changed = (text: string): string => {
    const after = change(text);
    if (after !== text) isChanged = true;
    return after;
  };
  const optional = (text: string | undefined) => (text === undefined ? undefined : changed(text));
  const after = mapped(reply, changed, optional);
  return isChanged ? after : reply;
}

function mapped(
  reply: Reply,
  changed: (text: string) => string,
  optional: (text: string | undefined) => string | undefined,
): Reply {
  switch (reply.type) {
    case 'text':
      return { ...reply, content: changed(reply.content) };
    case 'news':
      return {
        ...reply,
        articles: reply.articles.map((article) => ({
          ...article,
          title: changed(article.title),
          description: optional(article.description),
        })),
      };
    case 'msgmenu':
      return {
        ...reply,
        head: changed(reply.head),
        entries: reply.entries.map(({ id, content }) => ({ id, content: changed(content) })),
        tail: optional(reply.tail),
      };
    case 'video':
    case 'music':
      return { ...reply, title: optional(reply.title), description: optional(reply.description) };
    case 'miniprogrampage':
      return { ...reply, title: changed(reply.title) };
    case 'image':
    case 'voice':
    case 'mpnews':
    case 'mpnewsarticle':
    case 'wxcard':
      return reply;
  }
}
