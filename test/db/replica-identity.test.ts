import { expect, onTestFinished, test } from 'vitest';
import { createTestDatabase } from '../support/database.js';

test('each table can be copied by logical replication: a publication of all tables refuses no update and no delete', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const tables = await database.rows<{ name: string; isFound: boolean }>(
    `select c.oid::regclass::text as name,
       c.relreplident = 'f' or exists (
         select from pg_index i where i.indrelid = c.oid and case c.relreplident when 'd' then i.indisprimary when 'i' then i.indisreplident end
       ) as "isFound"
     from pg_class c
     where c.relkind in ('r', 'p') and c.relnamespace in ('wechat'::regnamespace, 'graphile_worker'::regnamespace)`,
  );
  expect(tables.length).toBeGreaterThan(30);
  expect(tables.filter(({ isFound }) => !isFound)).toEqual([]);
});
