import { readFileSync } from 'node:fs';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { operatorName } from '../../src/cli/database/operator-name.js';
import { clearSource } from '../../src/cli/move/clear.js';
import { copyAccount } from '../../src/cli/move/copy-account.js';
import { MoveError } from '../../src/cli/move/move-error.js';
import { readRecord } from '../../src/cli/move/record.js';
import { copyRound } from '../../src/cli/move/rounds.js';
import { lockSides } from '../../src/cli/move/sides.js';
import { runInProcess } from '../support/command-line.js';
import { tell } from '../support/history.js';
import { setTwoDatabases, type TwoDatabases } from '../support/two-databases.js';
import { waitFor } from '../support/wait.js';

const contents = async ({ rows }: TwoDatabases['source']) =>
  (await rows<{ content: string }>('select content from wechat.inbound_message order by id')).map(
    ({ content }) => content,
  );

const lanes = async ({ rows }: TwoDatabases['source']) =>
  (await rows<{ openid: string }>('select openid from wechat.lane order by id')).map(({ openid }) => openid);

/** Held at both sides, all is copied: one message is answered, one is not. */
async function setHeld(): Promise<TwoDatabases> {
  const two = await setTwoDatabases();
  await tell(two.source.pool, two.appId, [
    { openid: 'oDone', hoursAgo: 2, text: 'answered', replies: [{ text: 'yes' }] },
    { openid: 'oOpen', hoursAgo: 1, text: 'not answered', status: 'received' },
  ]);
  expect(await two.move(async () => false)).toBe('waiting');
  expect(await two.phases()).toEqual(['held', 'filling']);
  return two;
}

/** What the target has of its own once it works. */
async function work({ target, appId }: TwoDatabases): Promise<void> {
  await target.pool.query(
    `insert into wechat.conversation_state (app_id, openid, value, version) values ($1, 'oDone', '{"a": 1}', 9)`,
    [appId],
  );
  await target.pool.query(`update wechat.inbound_message set content = 'changed' where openid = 'oDone'`);
}

async function expectWork({ target }: TwoDatabases): Promise<void> {
  expect(await target.rows('select version from wechat.conversation_state')).toEqual([{ version: 9 }]);
  expect(await contents(target)).toEqual(['changed', 'not answered']);
}

test('a target that lost that it was opened is filled again from what the source has left, and opened', async () => {
  const two = await setHeld();
  await two.setPhase(two.source, 'left');
  await two.target.pool.query('delete from wechat.inbound_message');
  expect(await two.move()).toBe('moved');
  expect(await two.phases()).toEqual(['gone', 'open']);
  expect(await lanes(two.target)).toEqual(['oOpen']);
  expect(await contents(two.target)).toEqual(['answered', 'not answered']);
  expect(await contents(two.source)).toEqual([]);
});

test.each(['left', 'gone'])(
  'where the source is %s and the target waits again, nothing is called off',
  async (phase) => {
    const two = await setHeld();
    await two.setPhase(two.source, phase);
    await expect(two.abort()).rejects.toThrow(MoveError);
    expect(await two.phases()).toEqual([phase, 'filling']);
    expect(await contents(two.target)).toEqual(['answered', 'not answered']);
  },
);

test.each(['copying', 'held'])(
  'over a target that works nothing is copied, where the source is back at %s',
  async (phase) => {
    const two = await setHeld();
    await two.setPhase(two.source, phase);
    await two.setPhase(two.target, 'open');
    await work(two);
    await expect(two.move()).rejects.toThrow(/do not fit/);
    await expectWork(two);
  },
);

test('a command that goes on when another one has opened the target copies nothing more', async () => {
  const two = await setHeld();
  const { sides, setPhase, source, appId } = two;
  await expect(
    two.move(async () => {
      await setPhase(two.target, 'open');
      await work(two);
      return true;
    }),
  ).rejects.toThrow(MoveError);
  await expectWork(two);
  // Each of its parts for itself.
  const atSource = await readRecord(source.pool, appId);
  if (!atSource) throw new Error('the source has no record');
  await expect(copyAccount(sides, atSource)).rejects.toThrow(MoveError);
  await expect(copyRound(sides, atSource, { openToo: true })).rejects.toThrow(MoveError);
  await expectWork(two);
});

test('the source is not cleared any further once the target works no more', async () => {
  const two = await setHeld();
  await two.setPhase(two.source, 'left');
  await two.setPhase(two.target, 'open');
  const atSource = await readRecord(two.source.pool, two.appId);
  if (!atSource) throw new Error('the source has no record');
  await two.setPhase(two.target, 'filling');
  await expect(clearSource(two.sides, atSource)).rejects.toThrow(MoveError);
  expect(await contents(two.source)).toEqual(['answered', 'not answered']);
  expect(await lanes(two.source)).toEqual(['oOpen']);
});

test('where the other side cannot be locked no connection is left behind', async () => {
  const { sides } = await setTwoDatabases();
  const source = new pg.Pool({ connectionString: String(sides.source.options.connectionString), max: 2 });
  onTestFinished(() => source.end());
  const url = new URL(String(sides.target.options.connectionString));
  url.pathname = '/wechat_test_none';
  const target = new pg.Pool({ connectionString: url.href });
  await expect(lockSides({ ...sides, source, target })).rejects.toThrow(/does not exist/);
  expect(source.totalCount).toBe(0);
  // A lock that cannot even be asked for.
  const refusing = new pg.Pool({
    connectionString: String(sides.target.options.connectionString),
    options: '-c statement_timeout=1',
  });
  onTestFinished(() => refusing.end());
  refusing.on('connect', (client) => void client.query('begin; select 1/0').catch(() => undefined));
  await expect(lockSides({ ...sides, source, target: refusing })).rejects.toThrow(/aborted/);
  expect([source.totalCount, refusing.totalCount]).toEqual([0, 0]);
});

test.each(['source', 'target'] as const)(
  'a command whose lock at the %s breaks goes no further',
  async (side) => {
    const two = await setHeld();
    const move = two.move(async () => {
      const { rowCount } = await two[side].pool.query(
        `select pg_terminate_backend(pid) from pg_locks
       where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())`,
      );
      expect(rowCount).toBe(1);
      await waitFor('its end', async () => {
        const { rows } = await two[side].pool.query(
          `select from pg_locks where locktype = 'advisory'
         and database = (select oid from pg_database where datname = current_database())`,
        );
        return rows.length === 0;
      });
      return true;
    });
    await expect(move).rejects.toThrow(/lock/);
    expect(await two.phases()).toEqual(['held', 'filling']);
    expect(await two.move()).toBe('moved');
  },
);

test('all that a move does is on record under the name of who runs it, at both sides', async () => {
  const { source, target, appId } = await setTwoDatabases();
  const moved = await runInProcess(['move-account', appId, '--to', target.url, '--switched'], {
    DATABASE_URL: source.url,
  });
  expect(moved).toMatchObject({ code: 0, err: '' });
  for (const { rows } of [source, target])
    expect(await rows('select distinct actor from wechat.operator_action')).toEqual([
      { actor: operatorName() },
    ]);
});

test('the way out that the documents name closes a source that is behind, and the move ends', async () => {
  const two = await setHeld();
  await two.setPhase(two.target, 'open');
  await work(two);
  await expect(two.move()).rejects.toThrow(MoveError);
  const documented = /```sql\n(select wechat\.guard_move\([\s\S]*?)```/;
  for (const page of ['docs/operate.md', 'docs/zh-CN/operate.md']) {
    const [, statements = ''] = documented.exec(readFileSync(page, 'utf8')) ?? [];
    await two.source.pool.query(statements.replaceAll('wx0123456789abcdef', two.appId));
  }
  expect(await two.phases()).toEqual(['closed', 'open']);
  expect(await two.move()).toBe('moved');
  expect(await two.phases()).toEqual(['gone', 'open']);
  await expectWork(two);
  expect(await contents(two.source)).toEqual([]);
});
