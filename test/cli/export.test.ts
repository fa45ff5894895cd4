import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runInProcess } from '../support/command-line.js';
import { parseCsv } from '../support/csv.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { storeYear, type Told, tell } from '../support/history.js';
import { runCommand } from '../support/processes.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';

const appId = 'wxexport';

async function newDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database;
}

function startExport(
  url: string,
  args: readonly string[],
  settings: Record<string, string> = {},
  limits?: string,
) {
  return runCommand(['export', ...args], { DATABASE_URL: url, ...settings }, '/', limits);
}

const exportWith = (url: string, args: readonly string[]) =>
  runInProcess(['export', ...args], { DATABASE_URL: url });

async function exportLines(url: string, ...args: string[]): Promise<Record<string, unknown>[]> {
  const { code, out, err } = await exportWith(url, ['--format', 'ndjson', ...args]);
  expect(code, err).toBe(0);
  const lines = out === '' ? [] : out.split('\n');
  // Not all who read lines split them at line feeds alone.
  expect(lines.filter((line) => /[\u2028\u2029]/.test(line))).toEqual([]);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function exportFile(url: string, file: string, ...args: string[]): Promise<string> {
  const { code, written, err } = await exportWith(url, ['--output', file, ...args]);
  expect(code, err).toBe(0);
  expect(written).toBe('');
  return readFileSync(file, 'utf8');
}

const texts = (records: readonly Record<string, unknown>[]) => records.map(({ text }) => text);

/** What breaks careless writers of either format. */
const nasty = [
  '你好，“世界”🌏',
  'a, "b"',
  'line\r\nline\nline\rline\u2028line\u2029',
  '"',
  ',',
  '=1+1',
  " '",
  '\\n{}[]',
];

const nastyHistory: Told[] = [
  ...nasty.map((text, index) => ({
    openid: `o${index}`,
    hoursAgo: 10,
    minutes: index,
    text,
    replies: [
      { text, seconds: 1.25 },
      { text: 'second', status: 'failed' as const, errcode: 45002, errmsg: `too long, "${text}"` },
    ],
  })),
  { openid: 'oMenu', hoursAgo: 5, event: 'click', eventKey: 'KEY,"1"' },
  { openid: 'oBug', hoursAgo: 4, text: 'bug', status: 'failed', error: 'TypeError: "x"\n  at y' },
  { openid: 'oWaits', hoursAgo: 3, text: 'wait', status: 'received' },
];

describe('an export', () => {
  test('has each message with its deliveries behind it, and the same in both formats', async () => {
    const database = await newDatabase();
    await tell(database.pool, appId, nastyHistory);
    await database.pool.query(`update wechat.inbound_message set request_id = 'request,' || id`);
    // Most of these ids belong to nobody.
    await database.pool.query('alter table wechat.inbound_message alter column id restart with 5000000000');
    await tell(database.pool, 'wxlater', [{ openid: 'oLater', hoursAgo: 2, text: 'later' }]);
    const records = await exportLines(database.url, '--since', '2d', '--payload');
    expect(texts(records)).toEqual([
      ...nasty.flatMap((text) => [text, text, 'second']),
      null,
      'bug',
      'wait',
      'later',
    ]);
    expect(records[1]).toEqual({
      message_id: records[0]?.message_id,
      delivery_id: expect.stringMatching(/^\d+$/),
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:00:00\.100Z$/),
      direction: 'out',
      account: appId,
      openid: 'o0',
      type: 'text',
      event: null,
      event_key: null,
      text: nasty[0],
      state: 'sent',
      errcode: 0,
      errmsg: null,
      error: null,
      latency_seconds: 1.25,
      request_id: `request,${records[0]?.message_id}`,
      payload: { msgtype: 'text', text: { content: nasty[0] } },
    });
    expect(records.find(({ openid }) => openid === 'oMenu')).toMatchObject({
      ...{ direction: 'in', delivery_id: null, type: 'event', event: 'click', event_key: 'KEY,"1"' },
      ...{ latency_seconds: 1, payload: { FromUserName: 'oMenu' } },
    });
    expect(records.find(({ openid }) => openid === 'oBug')).toMatchObject({
      ...{ state: 'failed', error: 'TypeError: "x"\n  at y', errmsg: null },
    });
    expect(records.find(({ openid }) => openid === 'oWaits')).toMatchObject({ latency_seconds: null });
    expect(records.at(-1)).toMatchObject({ message_id: '5000000000', account: 'wxlater' });

    const views = await database.rows(
      `select m.message_id::text, m.delivery_id::text, m.direction, m.app_id as account, m.openid, m.type, m.event,
         m.event_key, m.text, m.state, round(extract(epoch from m.latency), 3)::float8 as latency_seconds
       from wechat.message_history m left join wechat.delivery d on d.id = m.delivery_id
       order by m.message_id, d.position nulls first`,
    );
    expect(records).toMatchObject(views);

    const csv = await exportFile(
      database.url,
      path.join(scratchDirectory(), 'all.csv'),
      ...['--since', '2d', '--format', 'csv', '--payload'],
    );
    const rows = parseCsv(csv);
    expect(rows.map(({ payload }) => JSON.parse(payload ?? ''))).toEqual(
      records.map(({ payload }) => payload),
    );
    const asText = (record: Record<string, unknown>) =>
      Object.fromEntries(Object.entries(record).map(([name, value]) => [name, String(value ?? '')]));
    expect(rows.map(({ payload, ...row }) => row)).toEqual(
      records.map(({ payload, ...record }) => asText(record)),
    );
  });

  test('is of the time range and the account that are asked for, and leaves out what may still be on its way', async () => {
    const database = await newDatabase();
    const told = (hoursAgo: number) => ({
      openid: 'o',
      hoursAgo,
      text: `${hoursAgo}`,
      replies: [{ text: '-' }],
    });
    await tell(database.pool, appId, [told(30), told(20), told(10)]);
    await tell(database.pool, 'wxother', [{ ...told(20), text: 'other' }]);
    await database.pool.query(
      `insert into wechat.inbound_message (app_id, dedupe_key, openid, msg_type, content, created_at, received_at, payload)
       select $1, 'age:' || age, 'o', 'text', age || ' s', now(), now() - age * interval '1 s', '{}'
       from unnest('{7200, 400000, 6, -3600}'::int[]) age`,
      [appId],
    );
    const at = (hoursAgo: number) =>
      new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000 - hoursAgo * 3_600_000).toISOString();
    const found = async (...args: string[]) => texts(await exportLines(database.url, ...args));
    // Received at the very beginning counts, at the very end does not.
    expect(await found('--since', at(20), '--until', at(10))).toEqual(['20', '-', 'other', '-']);
    expect(await found('--since', at(20), '--until', at(10), '--account', appId)).toEqual(['20', '-']);
    expect(await found('--since', '2d', '--account', 'wxother')).toEqual(['other', '-']);
    const own = ['30', '-', '20', '-', '10', '-', '7200 s', '6 s'];
    expect(await found('--since', '2d', '--account', appId)).toEqual(own);
    expect(await found('--since', '2d', '--account', 'wxnone')).toEqual([]);
    expect(await found('--since', '3h', '--until', '1h')).toEqual(['7200 s']);
    expect(await found('--since', '3h', '--until', '2100-01-01')).toEqual(['7200 s', '6 s']);

    const before = Date.now();
    const args = ['--since', '3h', '--until', '2100-01-01', '--format', 'csv'];
    const { err } = await exportWith(database.url, args);
    const until = Date.parse(String(/ until (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)/.exec(err)?.[1]));
    // Told to the second.
    expect(until).toBeGreaterThanOrEqual(before - 6_000);
    expect(until).toBeLessThanOrEqual(Date.now() - 5_000);
  }, 60_000);

  test('in a spreadsheet is Chinese, and runs no formula of a user', async () => {
    const database = await newDatabase();
    const formulas = [
      '=1+1',
      '+1',
      '-1',
      '@SUM(A1)',
      '\t=1',
      '\r=1',
      '\n=1',
      '＝1+1',
      '=HYPERLINK("x","y"),',
    ];
    const plain = ['你好', '1-1', "'=1", ' =1'];
    await tell(
      database.pool,
      appId,
      [...formulas, ...plain].map((text) => ({ openid: 'o', hoursAgo: 1, text, replies: [] })),
    );
    const directory = scratchDirectory();
    const excel = await exportFile(
      database.url,
      path.join(directory, 'excel.csv'),
      ...['--since', '2d', '--format', 'csv', '--excel'],
    );
    expect(excel.startsWith('\uFEFFmessage_id,')).toBe(true);
    expect(texts(parseCsv(excel.slice(1)))).toEqual([...formulas.map((text) => `'${text}`), ...plain]);
    const other = await exportFile(
      database.url,
      path.join(directory, 'plain.csv'),
      '--since',
      '2d',
      '--format',
      'csv',
    );
    expect(texts(parseCsv(other))).toEqual([...formulas, ...plain]);
  });

  test('reads what analysts may read, and nothing else', async () => {
    const database = await newDatabase();
    await tell(database.pool, appId, nastyHistory);
    const analyst = `${database.url}?options=-c%20role%3Dwechat_analyst`;
    const args = ['--since', '2d', '--payload'];
    expect(await exportLines(analyst, ...args)).toEqual(await exportLines(database.url, ...args));
    await database.pool.query('revoke select on wechat.delivery from wechat_analyst');
    expect(await exportWith(analyst, ['--format', 'csv', ...args])).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('permission denied for table delivery') },
    });
  });

  test('goes to standard output as to a file, and ends quietly when nobody reads on', async () => {
    const database = await newDatabase();
    await storeYear(database.pool, appId, 5_000);
    const until = anHourAgo();
    const args = ['--since', '400d', '--until', until, '--format', 'csv'];
    const file = await exportFile(database.url, path.join(scratchDirectory(), 'year.csv'), ...args);
    expect(parseCsv(file)).toHaveLength(2 * (await receivedBefore(database, until)));
    const piped = await exportWith(database.url, args);
    expect(piped.code).toBe(0);
    expect(piped.written).toBe(file);
    expect(piped.err).toMatch(/^[\d,]+ messages and [\d,]+ deliveries, received from .* are in the output/);

    const head = startExport(database.url, args);
    await waitFor('the first line', () => head.lines[0]);
    head.child.stdout?.destroy();
    expect(await head.exited).toBe(0);
    expect(head.errors).toEqual([]);
  });
});

/** The same for every export of a test, and with no message so young that it might be left out. */
const anHourAgo = () => new Date(Date.now() - 3_600_000).toISOString();

async function receivedBefore(database: TestDatabase, time: string): Promise<number> {
  const [row] = await database.rows<{ count: number }>(
    'select count(*)::int from wechat.inbound_message where received_at < $1',
    [time],
  );
  return row?.count ?? 0;
}

/** Lets an export come to the delivery of this message, and no further until it is let go. */
async function holdAt(database: TestDatabase, messageId: number) {
  await database.pool.query(
    `create or replace function wechat.payload_text(payload jsonb) returns text language plpgsql immutable as $$
     begin
       if payload ? 'hold' then perform pg_advisory_xact_lock(7); end if;
       return payload #>> '{text,content}';
     end $$`,
  );
  await database.pool.query(
    `update wechat.delivery set payload = payload || '{"hold":1}' where message_id = $1`,
    [messageId],
  );
  const client = await database.pool.connect();
  await client.query('select pg_advisory_lock(7)');
  let isHeld = true;
  const letGo = async () => {
    if (!isHeld) return;
    isHeld = false;
    await client.query('select pg_advisory_unlock(7)');
    client.release();
  };
  onTestFinished(letGo);
  const reached = () =>
    waitFor('the export to be held', async () => {
      const waits = await database.rows(
        `select from pg_locks where locktype = 'advisory' and objid = 7 and not granted
           and database = (select oid from pg_database where datname = current_database())`,
      );
      return waits.length > 0;
    });
  return { letGo, reached };
}

describe('an unfinished file', () => {
  /** 3,500 messages in a year: four pages. */
  async function setUpYear() {
    const database = await newDatabase();
    await storeYear(database.pool, appId, 3_500);
    const directory = scratchDirectory();
    const file = path.join(directory, 'year');
    return { database, directory, file, args: ['--since', '400d', '--format', 'ndjson', '--output', file] };
  }
  const isPart = expect.stringMatching(/^year\.[0-9a-f]{6}\.part$/);

  test('has another name, and goes with Ctrl-C', async () => {
    const { database, directory, file, args } = await setUpYear();
    writeFileSync(file, 'precious');
    const hold = await holdAt(database, 2_500);
    const stopped = startExport(database.url, [...args, '--overwrite']);
    await hold.reached();
    await waitFor('the first page', () => readdirSync(directory).some((name) => /part$/.test(name)));
    expect(readFileSync(file, 'utf8')).toBe('precious');
    stopped.child.kill('SIGINT');
    await hold.letGo();
    expect(await stopped.exited).toBe(1);
    expect(stopped.errors.join('\n')).toMatch(/Interrupted: .*year is as it was$/);
    expect(readdirSync(directory)).toEqual(['year']);
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });

  test('is what a kill leaves behind, and in nobody’s way', async () => {
    const { database, directory, file, args } = await setUpYear();
    const hold = await holdAt(database, 2_500);
    const killed = startExport(database.url, args);
    await hold.reached();
    killed.child.kill('SIGKILL');
    await killed.exited;
    await hold.letGo();
    expect(readdirSync(directory)).toEqual([isPart]);
    expect(await exportWith(database.url, args.slice())).toMatchObject({ code: 0 });
    expect(readdirSync(directory)).toEqual(['year', isPart]);
    expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toHaveLength(7_000);
  });

  test('goes when the disk is full', async () => {
    const { database, directory, args } = await setUpYear();
    const full = startExport(database.url, args, {}, 'ulimit -f 100');
    expect(await full.exited).toBe(1);
    expect(full.errors.join('\n')).toMatch(/Cannot write .*year: EFBIG/);
    expect(readdirSync(directory)).toEqual([]);
  });
});

test('no file is lost to an export', { timeout: 60_000 }, async () => {
  const database = await newDatabase();
  await tell(database.pool, appId, nastyHistory);
  const directory = scratchDirectory();
  const file = path.join(directory, 'mine');
  const link = path.join(directory, 'link');
  writeFileSync(file, 'precious');
  symlinkSync(file, link);
  const args = ['--since', '2d', '--format', 'csv'];
  const wrong: [string[], number, RegExp][] = [
    [['--output', file], 2, /mine is there already.* --overwrite/],
    [['--output', link], 2, /link is there already/],
    [['--output', directory], 2, /is no file/],
    [['--output', path.join(directory, 'none', 'file')], 1, /Cannot write .*no such file or directory/],
    [['--overwrite'], 2, /--overwrite is for --output/],
    [['--excel', '--format', 'ndjson'], 2, /--excel is for --format csv/],
    [['--until', '3d'], 2, /--until must be later than --since/],
    [['--format', 'xml'], 2, /Allowed choices are ndjson, csv/],
    [['--since', 'yesterday'], 2, /It must be like/],
  ];
  for (const [more, code, message] of wrong) {
    const refused = await exportWith(database.url, [...args, ...more]);
    expect(refused.err).toMatch(message);
    expect(refused.code).toBe(code);
  }
  expect((await exportWith(database.url, ['--format', 'csv'])).err).toContain(
    "'--since <time>' not specified",
  );
  expect((await exportWith(database.url, ['--since', '2d'])).err).toContain('--format <format>');
  expect(readFileSync(file, 'utf8')).toBe('precious');

  expect(readdirSync(directory).sort()).toEqual(['link', 'mine']);
  expect(parseCsv(await exportFile(database.url, link, '--overwrite', ...args)).length).toBeGreaterThan(0);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(parseCsv(readFileSync(file, 'utf8')).length).toBeGreaterThan(0);
  expect(readdirSync(directory).sort()).toEqual(['link', 'mine']);
  // There is nothing in it to lose; who may read it stays as it was.
  writeFileSync(file, '');
  chmodSync(file, 0o600);
  expect(parseCsv(await exportFile(database.url, file, ...args)).length).toBeGreaterThan(0);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});
