type Part = Readonly<Record<string, unknown>>;

/** How each type shows. Text is as it is, but for links, which show where they lead. */
const renderings: ReadonlyMap<string, (part: Part) => string> = new Map([
  ['text', ({ content }: Part) => withLinks(text(content))],
  ['news', ({ articles }: Part) => article(Array.isArray(articles) ? articles[0] : undefined)],
  ['image', ({ media_id }: Part) => `[图片] ${text(media_id)}`],
  ['voice', ({ media_id }: Part) => `[语音] ${text(media_id)}`],
  ['video', ({ title, media_id }: Part) => `[视频] ${text(title ?? media_id)}`],
  ['music', ({ title, musicurl }: Part) => `[音乐] ${text(title)} ${text(musicurl)}`],
  ['mpnews', ({ media_id }: Part) => `[图文] ${text(media_id)}`],
  ['mpnewsarticle', ({ article_id }: Part) => `[图文] ${text(article_id)}`],
  ['msgmenu', menu],
  ['wxcard', ({ card_id }: Part) => `[卡券] ${text(card_id)}`],
  ['miniprogrampage', ({ title, pagepath }: Part) => `[小程序] ${text(title)} ${text(pagepath)}`],
]);

/** What a user sees of a customer-service message, in text: one line, unless its own text has more. */
export function describeMessage(msgtype: string, body: Readonly<Record<string, unknown>>): string {
  const part = object(body[msgtype]);
  return renderings.get(msgtype)?.(part) ?? `[${msgtype}] ${JSON.stringify(part)}`;
}

function article(value: unknown): string {
  const { title, description, picurl, url } = object(value);
  return `【${text(title)}】${text(description)}${picurl ? '[图]' : ''}${url ? ` ${text(url)}` : ''}`;
}

function menu({ head_content, list, tail_content }: Part): string {
  const entries = Array.isArray(list) ? list.map((entry) => `[${text(object(entry).content)}]`) : [];
  return [text(head_content), ...entries, text(tail_content)].filter((piece) => piece !== '').join(' ');
}

function withLinks(content: string): string {
  return content.replace(/<a\b[^>]*href="([^"]*)"[^>]*>([\s\S]*?)<\/a>/g, '$2 ($1)');
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}

function object(value: unknown): Part {
  return typeof value === 'object' && value !== null ? (value as Part) : {};
}
