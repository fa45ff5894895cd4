import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { codeSpansOf, firstCellsOf, type Page, readPage, root } from './pages.js';

let database: TestDatabase;
/** Columns of each table and view of the schema `wechat`. */
let columns: Map<string, string[]>;
let functions: string[];

beforeAll(async () => {
  database = await createTestDatabase();
  const relations = await database.rows<{ name: string; columns: string[] }>(
    `select table_name as name, array_agg(column_name::text order by column_name) as columns
     from information_schema.columns where table_schema = 'wechat' group by 1`,
  );
  columns = new Map(relations.map((one) => [one.name, one.columns]));
  const routines = await database.rows<{ name: string }>(
    `select distinct proname::text as name from pg_proc where pronamespace = 'wechat'::regnamespace`,
  );
  functions = routines.map(({ name }) => name).sort();
});

afterAll(() => database.drop());

const code = ['src', 'migrations'].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|sql)$/.test(name))
    .map((name) => readFileSync(path.join(root, folder, name), 'utf8')),
);

/** What the code puts on record of people, where it says the name in the call. */
const recorded = new Set(
  code.flatMap((text) =>
    [...text.matchAll(/(?:record_action\((?:[^[\n]*\[)?|recordAction\([^,\n]+,)\s*'([a-z_]+)'/g)].map(
      ([, name = '']) => name,
    ),
  ),
);

/** The tables of a page whose head begins with this cell, each with the last line before it that has a name in backticks. */
function tablesOf({ prose }: Page, head: RegExp): { introduction: string; names: string[] }[] {
  const tables: { introduction: string; rows: string[] }[] = [];
  let introduction = '';
  let inside = false;
  for (const line of prose.split('\n')) {
    if (!line.startsWith('|')) {
      inside = false;
      if (line.includes('`')) introduction = line;
    } else if (head.test(line)) {
      inside = true;
      tables.push({ introduction, rows: [] });
    } else if (inside) {
      tables.at(-1)?.rows.push(line);
    }
  }
  return tables.map(({ introduction, rows }) => ({ introduction, names: firstCellsOf(rows.join('\n')) }));
}

describe.each([
  ['docs/query.md', 'docs/operate.md'],
  ['docs/zh-CN/query.md', 'docs/zh-CN/operate.md'],
])('%s', (query, operate) => {
  const page = readPage(query);

  test('names every table and view with all its columns, and no other', () => {
    const documented = new Map(
      tablesOf(page, /^\| (column|列) /).map(({ introduction, names }) => {
        const name = codeSpansOf(introduction).find((code) => columns.has(code)) ?? introduction;
        return [name, names.sort()];
      }),
    );
    // The migrator's own: named in the running text.
    const ours = [...columns].filter(([name]) => !name.startsWith('schema_migration'));
    expect(Object.fromEntries(documented)).toEqual(
      Object.fromEntries(ours.map(([name, all]) => [name, [...all].sort()])),
    );
    expect(page.prose).toContain('`schema_migration`');
  });

  test('names every action that is put on record, as its column does, and no other', async () => {
    const [, cell = ''] = /^\| `action` +\| (.+) \|$/m.exec(page.prose) ?? [];
    const documented = codeSpansOf(cell);
    expect(recorded.size).toBeGreaterThan(15);
    expect([...recorded].filter((name) => !documented.includes(name))).toEqual([]);
    expect(documented.filter((name) => !code.some((text) => text.includes(`'${name}'`)))).toEqual([]);
    const [column] = await database.rows<{ comment: string }>(
      `select col_description(attrelid, attnum) as comment from pg_attribute
       where attrelid = 'wechat.operator_action'::regclass and attname = 'action'`,
    );
    expect(column?.comment.split(/, | or /)).toEqual(documented);
  });

  test('names every function, here or among those for operators, and no other', () => {
    const bare = (code: string) => code.replace(/\(.*$/, '');
    const both = [page, readPage(operate)];
    const inTables = both.flatMap((one) =>
      tablesOf(one, /^\| (function|函数) /).flatMap(({ names }) => names),
    );
    // Those with a range of time stand beside their views.
    const inViews = codeSpansOf(page.prose).filter((code) => /^\w+_between\(/.test(code));
    expect([...new Set([...inTables, ...inViews].map(bare))].sort()).toEqual(functions);
  });
});
