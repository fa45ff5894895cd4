import type { TextPart } from './contract.js';

/** Of what an account wrote: links as WeChat knows them, which are `<a href>` and bare addresses, and nothing else. */
export function partsOf(content: string): TextPart[] {
  const parts: TextPart[] = [];
  let read = 0;
  for (const found of content.matchAll(/<a\b([^>]*)>([\s\S]*?)<\/a>/gi)) {
    parts.push(...bareParts(content.slice(read, found.index)));
    parts.push(anchor(attributesOf(found[1] ?? ''), found[2] ?? ''));
    read = found.index + found[0].length;
  }
  parts.push(...bareParts(content.slice(read)));
  return parts;
}

/** Of what a user wrote, where markup is as good as any text. */
export function bareParts(content: string): TextPart[] {
  const parts: TextPart[] = [];
  let read = 0;
  // An address ends at the first character that is not ASCII: Chinese follows without a blank.
  for (const found of content.matchAll(/https?:\/\/[\w\-.~:/?#[\]@!$&'()*+,;=%]+/gi)) {
    const href = httpLink(found[0]);
    if (href === null) continue;
    if (found.index > read) parts.push({ kind: 'plain', text: content.slice(read, found.index) });
    parts.push({ kind: 'link', text: found[0], href });
    read = found.index + found[0].length;
  }
  if (read < content.length) parts.push({ kind: 'plain', text: content.slice(read) });
  return parts;
}

/** The address if it is one of http or https, else null: a browser must not follow any other. */
export function httpLink(address: string): string | null {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  return url && (url.protocol === 'http:' || url.protocol === 'https:') ? url.href : null;
}

function anchor(attributes: ReadonlyMap<string, string>, text: string): TextPart {
  const page = attributes.get('data-miniprogram-path');
  if (page !== undefined) return { kind: 'miniprogram', text, page };
  const address = attributes.get('href') ?? '';
  const menu = /^weixin:\/\/bizmsgmenu\?(.*)$/is.exec(address)?.[1];
  if (menu !== undefined) {
    const query = new URLSearchParams(menu);
    return { kind: 'tap', text: query.get('msgmenucontent') || text, id: query.get('msgmenuid') ?? '' };
  }
  const href = httpLink(address);
  return href === null ? { kind: 'plain', text } : { kind: 'link', text, href };
}

function attributesOf(text: string): Map<string, string> {
  const found = text.matchAll(/([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g);
  return new Map(
    [...found].map(([, name = '', double, single, bare]) => [
      name.toLowerCase(),
      (double ?? single ?? bare ?? '').replaceAll('&amp;', '&'),
    ]),
  );
}
