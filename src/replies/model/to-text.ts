import { Lexer, type MarkedToken, type Token, type Tokens } from 'marked';

/**
 * Makes of a model's Markdown the text that WeChat shows: links as `<a href>`, lists with bullets, tables as lines, and no marks of
 * bold, headings or code. No other tag than `<a>` with an http(s) address is left, whatever the model or the user wrote.
 */
export function toText(markdown: string): string {
  const blocks = new Lexer({ gfm: true }).lex(withoutThoughts(markdown).replace(linkMarks, ''));
  // Only here: a bracket and what follows it may come from two tokens.
  return withLinks(defused(blocksOf(blocks)))
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/** Stand for the tags of our own links until all other markup is harmless. In no text: they are taken out of what comes. */
const [linkStart, linkMiddle, linkEnd] = ['\u{e000}', '\u{e001}', '\u{e002}'];
const linkMarks = /[\u{e000}-\u{e002}]/gu;

function withLinks(text: string): string {
  return text.replaceAll(linkStart, '<a href="').replaceAll(linkMiddle, '">').replaceAll(linkEnd, '</a>');
}

/** Some models write what they think before the answer. */
function withoutThoughts(markdown: string): string {
  return markdown.replace(/^\s*<think>[\s\S]*?(?:<\/think>|$)/, '');
}

function blocksOf(tokens: readonly Token[]): string {
  return tokens
    .map((token) => blockOf(token as MarkedToken))
    .filter((block) => block !== '')
    .join('\n\n');
}

function blockOf(token: MarkedToken): string {
  switch (token.type) {
    case 'heading':
    case 'paragraph':
      return inline(token.tokens);
    case 'text':
      return token.tokens ? inline(token.tokens) : plain(token.text);
    case 'blockquote':
      return blocksOf(token.tokens);
    case 'code':
      return token.text;
    case 'list':
      return listOf(token, 0);
    case 'table':
      return tableOf(token);
    case 'hr':
      return '————';
    case 'html':
      return plain(withoutTags(token.text)).trim();
    case 'space':
    case 'def':
      return '';
    default:
      return inline([token]);
  }
}

const bullets = ['•', '◦', '▪'];

function listOf(list: Tokens.List, depth: number): string {
  const indent = '　'.repeat(depth);
  return list.items
    .map((item, index) => {
      const bullet = bullets[Math.min(depth, bullets.length - 1)];
      const mark = list.ordered ? `${Number(list.start || 1) + index}.` : bullet;
      const box = item.task ? `${item.checked ? '☑' : '☐'} ` : '';
      const [first = '', ...others] = item.tokens
        .filter(({ type }) => type !== 'space' && type !== 'checkbox')
        .map((token) => {
          const block = token as MarkedToken;
          return block.type === 'list' ? listOf(block, depth + 1) : blockOf(block);
        });
      return [`${indent}${mark} ${box}${first}`, ...others].join('\n');
    })
    .join('\n');
}

/** A phone is too narrow for columns: a row becomes a line, each cell with the name of its column. */
function tableOf({ header, rows }: Tokens.Table): string {
  const names = header.map(({ tokens }) => inline(tokens));
  if (rows.length === 0) return names.filter((name) => name !== '').join('，');
  return rows
    .map((row) =>
      row
        .map(({ tokens }, column) => {
          const name = names[column] ?? '';
          const cell = inline(tokens);
          return name === '' || cell === '' ? cell : `${name}：${cell}`;
        })
        .filter((cell) => cell !== '')
        .join('，'),
    )
    .join('\n');
}

function inline(tokens: readonly Token[]): string {
  return withoutStrayMarks(tokens.map((token) => spanOf(token as MarkedToken)).join(''));
}

function spanOf(token: MarkedToken): string {
  switch (token.type) {
    case 'strong':
    case 'em':
    case 'del':
      return inline(token.tokens);
    case 'codespan':
    case 'escape':
      return token.text;
    case 'br':
      return '\n';
    case 'link':
      return token.raw === token.text ? bareLink(token.text) : linkTo(token.href, labelOf(token.tokens));
    case 'image':
      return linkTo(token.href, plain(token.text) || '图片');
    case 'html':
      return /^<br\b/i.test(token.raw) ? '\n' : plain(withoutTags(token.raw));
    case 'text':
      return token.tokens ? inline(token.tokens) : plain(token.text);
    case 'checkbox':
      return '';
    default:
      return plain(token.raw);
  }
}

/** Of a link: no link is inside of another. */
function labelOf(tokens: readonly Token[]): string {
  return tokens
    .map((token) => {
      if (token.type === 'image') return plain(String(token.text));
      return 'tokens' in token && token.tokens ? labelOf(token.tokens) : spanOf(token as MarkedToken);
    })
    .join('')
    .replace(linkMarks, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Chinese goes on behind an address without a blank: it ends where no address can go on. */
function bareLink(text: string): string {
  const [address = ''] = /^[!#-;=?-~]*[#$%&*+\-/0-9=@A-Z_a-z~]/.exec(text) ?? [];
  const rest = text.slice(address.length);
  const href = /^https?:/i.test(address) ? address : `http://${address}`;
  const link = address.includes('@') ? address : linkTo(href, address);
  return rest === '' ? link : link + inline(Lexer.lexInline(rest));
}

function linkTo(href: string, label: string): string {
  const address = URL.parse(decoded(href));
  if (!address || !/^https?:$/.test(address.protocol)) return label;
  // A quote or a bracket would end the attribute.
  const escaped = address.href.replace(/["<>\s]/g, (character) => encodeURIComponent(character));
  // A lone bracket is harmless elsewhere; in here what reads it might look for the end of a tag, and miss that of the link.
  const words = (label || address.href).replaceAll('<', '＜');
  return linkStart + escaped + linkMiddle + words + linkEnd;
}

/**
 * Marks of bold that the rules of Markdown do not see: between a Chinese full stop or colon and a Chinese character `**` neither opens
 * nor closes. Not so the powers of `2**3`.
 */
function withoutStrayMarks(text: string): string {
  return text.replace(/(?<![0-9A-Za-z*])\*\*(?=[^\s*])([^*\n]+?)(?<=[^\s*])\*\*(?!\*)/g, '$1');
}

function plain(text: string): string {
  return decoded(text).replace(linkMarks, '');
}

/** Markup that stands in a text to be read, such as an example in HTML, is shown and does nothing. */
function defused(text: string): string {
  return text.replace(/<(?=[a-z/!?])([^<>]*)>/gi, '＜$1＞').replace(/<(?=[a-z/!?])/gi, '＜');
}

function withoutTags(html: string): string {
  return html
    .replace(/<!--[\s\S]*?(?:-->|$)/g, '')
    .replace(/<(?:br|\/p|\/div|\/li|\/tr|\/h[1-6])\b[^<>]*>/gi, '\n')
    .replace(/<(script|style)\b[\s\S]*?(?:<\/\1\s*>|$)/gi, '')
    .replace(/<[a-z/!?][^<>]*>/gi, '');
}

const entities: Readonly<Record<string, string>> = {
  ...{ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' },
  ...{ mdash: '—', ndash: '–', hellip: '…', middot: '·', bull: '•', copy: '©' },
};

function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return entities[String(name).toLowerCase()] ?? whole;
    const codePoint = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return codePoint > 0 && codePoint <= 0x10_ffff ? String.fromCodePoint(codePoint) : whole;
  });
}
