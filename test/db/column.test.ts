import { expect, onTestFinished, test } from 'vitest';
import { column } from '../../src/db/column.js';
import { createTestDatabase } from '../support/database.js';

test('Postgres reads a column as the values that went in', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const texts = [
    'plain',
    '',
    ' spaces ',
    'a,b',
    '{}',
    '"',
    '\\',
    '\\"x\\\\',
    'NULL',
    'null',
    '线\n\t🙂',
    null,
    undefined,
  ];
  const at = new Date('2026-02-28T23:59:59.987Z');
  const [row] = await database.rows(
    `select $1::text[] as texts, $2::bigint[]::text[] as ids, $3::float8[] as numbers, $4::boolean[] as flags,
            $5::timestamptz[] as times, $6::int[] as none`,
    [
      column(texts, (text) => text),
      column(['9007199254740993', '-1'], (id) => id),
      column([0, -1.5, 1e21], (number) => number),
      column([true, false, null], (flag) => flag),
      column([at, undefined], (time) => time),
      column([], () => 1),
    ],
  );
  expect(row).toEqual({
    texts: texts.map((text) => text ?? null),
    ids: ['9007199254740993', '-1'],
    numbers: [0, -1.5, 1e21],
    flags: [true, false, null],
    times: [at, null],
    none: [],
  });
});
