import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The pages, and what the tests that hold them to the code look for in them. */

export const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Page {
  /** Relative to the repository. */
  file: string;
  text: string;
  /** Without blocks of code. */
  prose: string;
  blocks: readonly Block[];
}

export interface Block {
  language: string;
  code: string;
}

export function readPage(file: string): Page {
  const text = readFileSync(path.join(root, file), 'utf8');
  return { file, text, ...divide(text) };
}

/** Names of the pages of a folder, without `.md`. */
export function pageNames(folder: string): string[] {
  return readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => name.slice(0, -'.md'.length))
    .sort();
}

export const languages = ['docs', 'docs/zh-CN'] as const;

export const documents = languages.flatMap((folder) =>
  pageNames(folder).map((name) => readPage(`${folder}/${name}.md`)),
);

export const pages: readonly Page[] = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CODE_OF_CONDUCT.md'].map(readPage),
  ...documents,
];

export interface Heading {
  level: number;
  title: string;
}

export function headingsOf({ prose }: Page): Heading[] {
  return [...prose.matchAll(/^(#{1,6}) +(.+?) *$/gm)].map(([, marks = '', title = '']) => ({
    level: marks.length,
    title: title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, ''),
  }));
}

/** Where links of Markdown lead. */
export function linksOf({ prose }: Page): string[] {
  const withoutCode = prose.replace(/`[^`\n]*`/g, '');
  return [...withoutCode.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** What stands in backticks, in the running text. */
export function codeSpansOf(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

/** The part under a heading, up to the next of the same level or a higher one. */
export function sectionsOf({ prose }: Page, level: number): Map<string, string> {
  const sections = new Map<string, string>();
  const marks = '#'.repeat(level);
  const starts = [...prose.matchAll(new RegExp(`^${marks} +(.+?) *$`, 'gm'))];
  for (const { 0: line, 1: title = '', index } of starts) {
    const rest = prose.slice(index + line.length);
    const end = rest.search(new RegExp(`^#{1,${level}} `, 'm'));
    sections.set(title, end < 0 ? rest : rest.slice(0, end));
  }
  return sections;
}

/** What stands in backticks in the first cells of tables. */
export function firstCellsOf(text: string): string[] {
  return [...text.matchAll(/^\| ([^|]*?) \|/gm)].flatMap(([, cell = '']) => codeSpansOf(cell));
}

function divide(text: string): Pick<Page, 'prose' | 'blocks'> {
  const prose: string[] = [];
  const blocks: { language: string; code: string[] }[] = [];
  let inside = false;
  for (const line of text.split('\n')) {
    const fence = /^ *```(\S*)/.exec(line);
    if (fence) {
      inside = !inside;
      if (inside) blocks.push({ language: fence[1] ?? '', code: [] });
    } else if (inside) {
      blocks.at(-1)?.code.push(line);
    } else {
      prose.push(line);
    }
  }
  return {
    prose: prose.join('\n'),
    blocks: blocks.map(({ language, code }) => ({ language, code: code.join('\n') })),
  };
}
