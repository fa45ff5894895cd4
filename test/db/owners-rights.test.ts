import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createTestDatabase } from '../support/database.js';

const folder = path.resolve(import.meta.dirname, '../../migrations');

test('what runs with the rights of its owner does so after all migrations: replacing a function takes that away', async () => {
  const declared = readdirSync(folder).flatMap((file) =>
    [
      ...readFileSync(path.join(folder, file), 'utf8').matchAll(
        /create (?:or replace )?function wechat\.(\w+)\((?:(?!\$\$)[\s\S])*?security definer/g,
      ),
    ].map(([, name]) => name),
  );
  expect(declared).toContain('forget_unsubscribed');
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const without = await database.rows<{ name: string }>(
    `select proname as name from pg_proc
     where pronamespace = 'wechat'::regnamespace and proname = any($1)
       and not (prosecdef and proconfig @> array['search_path=""'])`,
    [declared],
  );
  expect(without).toEqual([]);
});
