import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { sections } from '../../docs/.vitepress/pages.js';
import { slugOf } from '../../docs/.vitepress/slug.js';
import {
  codeSpansOf,
  firstCellsOf,
  headingsOf,
  languages,
  linksOf,
  type Page,
  pageNames,
  pages,
  readPage,
  root,
  sectionsOf,
} from './pages.js';

const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
} & Record<'dependencies' | 'devDependencies' | 'optionalDependencies', Record<string, string>>;

/** What is wrong with a link of a page; undefined where it leads somewhere. */
function problemOf(page: Page, target: string): string | undefined {
  if (/^(https?|mailto):/.test(target)) return undefined;
  const [name = '', anchor] = target.split('#');
  const file = name === '' ? page.file : path.join(path.dirname(page.file), name);
  if (!existsSync(path.join(root, file))) return `${page.file}: ${target} leads to no file`;
  if (anchor === undefined) return undefined;
  const slugs = headingsOf(readPage(file)).map(({ title }) => slugOf(title));
  return slugs.includes(decodeURIComponent(anchor))
    ? undefined
    : `${page.file}: ${target} leads to no heading`;
}

describe('links', () => {
  test('lead to files and headings that are there', () => {
    const problems = pages.flatMap((page) => linksOf(page).map((target) => problemOf(page, target)));
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });

  test('of the home pages lead to pages', () => {
    const targets = ['docs/index.md', 'docs/zh-CN/index.md'].flatMap((file) => {
      const [, frontMatter = ''] = readPage(file).text.split('---\n');
      const { layout, hero } = parse(frontMatter) as {
        layout: string;
        hero: { actions: { link: string }[] };
      };
      expect(layout).toBe('home');
      return hero.actions.map(({ link }) => link);
    });
    expect(targets).toHaveLength(6);
    expect(targets.filter((target) => !existsSync(path.join(root, `docs${target}.md`)))).toEqual([]);
  });
});

describe('both languages', () => {
  test('have a README that links the same pages', () => {
    const linked = (file: string) =>
      new Set(
        linksOf(readPage(file))
          .map((target) => path.basename(target.split('#')[0] ?? '', '.md'))
          .filter((name) => pageNames(languages[0]).includes(name)),
      );
    expect([...linked('docs/zh-CN/README.md')].sort()).toEqual([...linked('README.md')].sort());
  });

  const [english, chinese] = languages;
  const names = pageNames(english);

  test('have the same pages, and all of them stand in the sidebar', () => {
    expect(pageNames(chinese).filter((name) => name !== 'README')).toEqual(names);
    const inSidebar = sections.flatMap((section) => section.pages.map(({ file }) => file));
    expect([...inSidebar, 'index'].sort()).toEqual(names);
  });

  test.each([
    ['README.md', `${chinese}/README.md`],
    ...names.map((name) => [`${english}/${name}.md`, `${chinese}/${name}.md`]),
  ])('have the same headings and blocks of code: %s', (one = '', other = '') => {
    const shapeOf = (page: Page) => ({
      levels: headingsOf(page).map(({ level }) => level),
      blocks: page.blocks.map(({ language }) => language),
    });
    expect(shapeOf(readPage(other))).toEqual(shapeOf(readPage(one)));
  });

  /** What needs no translation: settings, columns, states, files, metrics. */
  const namesOf = (page: Page) =>
    new Set(codeSpansOf(page.prose).filter((code) => /^[A-Za-z][\w./-]*$/.test(code)));
  const tablesOf = ({ prose }: Page) =>
    prose
      .split(/^(?!\|).*$/m)
      .flatMap((part) => (part.includes('|') ? [part.trim().split('\n').length] : []));

  test.each(names)('name the same things, in tables of as many rows: %s', (name) => {
    const [one, other] = languages.map((folder) => readPage(`${folder}/${name}.md`)) as [Page, Page];
    expect([...namesOf(other)].sort()).toEqual([...namesOf(one)].sort());
    expect(tablesOf(other)).toEqual(tablesOf(one));
  });
});

describe('README', () => {
  const readme = readPage('README.md');

  test('is read in a few minutes, and in Chinese by its first line', () => {
    const lines = readme.text.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(150);
    expect(lines[0]).toBe('[中文](docs/zh-CN/README.md)');
  });

  test.each(['README.md', 'docs/zh-CN/README.md'])('names every promise that is tested: %s', (file) => {
    const promised = linksOf(readPage(file))
      .filter((target) => target.includes('test/promises/'))
      .map((target) => path.basename(target));
    expect(promised).toEqual(readdirSync(path.join(root, 'test/promises')).sort());
  });
});

describe('what the pages name', () => {
  test('as a file or folder is there', () => {
    const named = pages.flatMap(({ file, prose }) =>
      codeSpansOf(prose)
        .filter((code) => /^(src|test|scripts|migrations|docs|deploy|\.ci|\.github)\/[\w./-]*$/.test(code))
        .map((code) => ({ file, code })),
    );
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter(({ code }) => !existsSync(path.join(root, code)))).toEqual([]);
  });

  test('as a script of npm is one', () => {
    const named = pages.flatMap(({ text }) =>
      [...text.matchAll(/npm (?:run )?(start|test(?::\w+)?|(?<=run )[\w:]+)/g)].map(
        ([, script = '']) => script,
      ),
    );
    expect(named.length).toBeGreaterThan(20);
    expect([...new Set(named)].filter((script) => !(script in manifest.scripts))).toEqual([]);
  });

  test('as dependencies are all that there are, each with its reason', () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    const section = sectionsOf(readPage('CONTRIBUTING.md'), 2).get('Dependencies') ?? '';
    expect(firstCellsOf(section).sort()).toEqual(
      Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }).sort(),
    );
  });
});
