/** What a user sees of a customer-service message, in text. */
export function describeMessage(msgtype: string, body: Record<string, unknown>): string {
  const part = (body[msgtype] ?? {}) as Record<string, unknown>;
  switch (msgtype) {
    case 'text':
      return String(part.content).replace(/<a\b[^>]*href="([^"]*)"[^>]*>([\s\S]*?)<\/a>/g, '$2 ($1)');
    case 'news': {
      const [article = {}] = (part.articles ?? []) as Record<string, unknown>[];
      const picture = article.picurl ? '[图]' : '';
      return `【${article.title}】${article.description ?? ''}${picture}${article.url ? ` ${article.url}` : ''}`;
    }
    default:
      return `[${msgtype}] ${JSON.stringify(part)}`;
  }
}
