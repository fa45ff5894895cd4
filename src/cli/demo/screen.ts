import { styleText } from 'node:util';
import stringWidth from 'string-width';
import type { PushResult } from '../../simulator/index.js';
import type { OutputStream } from '../terminal/context.js';
import { oneLine, pad } from '../terminal/table.js';
import type { Words } from '../words/index.js';

/** Shows the demo as a conversation: who said what, when, and how it went. */
export interface Screen {
  note(text: string): void;
  scene(title: string): void;
  said(name: string, text: string, push: PushResult): void;
  answered(name: string, text: string, facts: { at: number; ms: number; attempts: number | undefined }): void;
  summary(complete: boolean): void;
  tour(places: Places): void;
}

/** Where the parts of the demo can be looked at. */
export interface Places {
  databaseUrl: string;
  adminPort: number;
  webhookPort: number;
  logFile: string;
  /** The page of the phone. */
  phone: string;
  /** The console, signed in. */
  console: string;
}

const nameWidth = 8;
const factsWidth = 24;
const fallbackColumns = 110;

type Style = Parameters<typeof styleText>[0];

export function createScreen(
  output: OutputStream,
  { colours, words }: { colours: boolean; words: Words['demo'] },
): Screen {
  const style = (format: Style, text: string) => (colours ? styleText(format, text) : text);
  const columns = Math.max(80, Math.min(output.columns ?? fallbackColumns, 140));
  const textWidth = columns - ' 00:00:00.000  '.length - nameWidth - ' → '.length - factsWidth - 1;
  const line = (text = '') => output.write(`${text}\n`);

  function row(at: number, name: string, arrow: string, text: string, facts: string): void {
    const [first = '', ...more] = wrap(oneLine(text), textWidth);
    line(
      ` ${style('dim', clockTime(at))}  ${pad(name, nameWidth)} ${arrow} ${pad(first, textWidth)} ${style('dim', facts)}`,
    );
    const indent = ' '.repeat(' 00:00:00.000  '.length + nameWidth + ' → '.length);
    for (const rest of more) line(`${indent}${rest}`);
  }

  return {
    note: (text) => line(style('dim', text)),
    scene: (title) => line(`\n${style('bold', title)}`),
    said(name, text, { outcome, tries }) {
      const latest = tries.at(-1);
      const facts = outcome === 'acknowledged' ? words.acknowledged(latest?.ms) : '该公众号暂时无法提供服务';
      row(Date.now() - (latest?.ms ?? 0), style('cyan', name), '→', text, facts);
    },
    answered(name, text, { at, ms, attempts }) {
      row(at, style('green', name), '←', text, words.took(ms, attempts));
    },
    summary(complete) {
      line();
      line(complete ? style('green', words.complete) : style('red', words.incomplete));
    },
    tour: (places) => line(`\n${describeTour(places, words.tour, (title) => style('bold', title))}`),
  };
}

function describeTour(
  { databaseUrl, adminPort, webhookPort, logFile, phone, console }: Places,
  words: Words['demo']['tour'],
  bold: (title: string) => string,
): string {
  const pages = [`  ${phone}  ${words.phone}`, `  ${console}  ${words.console}`];
  return `${bold(words.inBrowser)}
${pages.join('\n')}

${bold(words.lookAround)} ${words.elsewhere}
  psql '${databaseUrl}'
      select id, openid, msg_type, content, status from wechat.inbound_message order by id desc limit 10;
      select d.id, d.msg_type, d.status, a.* from wechat.delivery d
        join wechat.delivery_attempt a on a.delivery_id = d.id order by d.id desc, a.attempt limit 10;
  curl http://127.0.0.1:${adminPort}/readyz        ${words.ready}
  curl http://127.0.0.1:${adminPort}/metrics       ${words.done}
  tail -f ${logFile}
  node dist/cli/main.js --help
  ${words.webhook(`http://127.0.0.1:${webhookPort}/wechat`)}

${bold(words.talk)}${words.howToTalk}
`;
}

function clockTime(at: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

/** Breaks at any character: Chinese has no spaces to break at. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let current = '';
  let used = 0;
  for (const character of text) {
    const columns = stringWidth(character);
    if (used + columns > width) {
      lines.push(current);
      current = '';
      used = 0;
    }
    current += character;
    used += columns;
  }
  return current === '' ? lines : [...lines, current];
}
