import { onTestFinished } from 'vitest';
import { abort, move } from '../../src/cli/move/act.js';
import { prepareSource, prepareTarget } from '../../src/cli/move/prepare.js';
import { type MoveRecord, readRecord } from '../../src/cli/move/record.js';
import type { Sides } from '../../src/cli/move/sides.js';
import { wordsOf } from '../../src/cli/words/index.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { waitFor } from './wait.js';

/** The two sides of a move without the services, for what happens between two of its statements. */
export interface TwoDatabases {
  source: TestDatabase;
  target: TestDatabase;
  appId: string;
  sides: Sides;
  said: string[];
  /** The first step: both databases have the move on record, and nothing is copied. */
  prepare(): Promise<{ atSource: MoveRecord; atTarget: MoveRecord }>;
  /** The command; the router is switched by `untilSwitched`. */
  move(untilSwitched?: () => Promise<boolean>): Promise<'moved' | 'waiting'>;
  abort(): Promise<void>;
  /** As a failover to a standby that lacks the last commits leaves it. */
  setPhase(database: TestDatabase, phase: string): Promise<void>;
  phases(): Promise<(string | undefined)[]>;
}

const locks = `
  select from pg_locks where locktype = 'advisory'
  and database = (select oid from pg_database where datname = current_database())`;

export async function setTwoDatabases(): Promise<TwoDatabases> {
  const [source, target] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  onTestFinished(() => Promise.all([source.drop(), target.drop()]).then(() => undefined));
  const appId = 'wxMoving';
  const said: string[] = [];
  const sides: Sides = {
    ...{ appId, source: source.pool, target: target.pool, names: { source: 'one', target: 'two' } },
    words: wordsOf('en').commands.move,
    say: (line) => said.push(line),
    alone: () => undefined,
  };
  /** Of the command before, whose sessions are gone only when Postgres sees that their connections are closed. */
  const untilUnlocked = () =>
    waitFor('its locks to go', async () => {
      const held = await Promise.all([source, target].map(({ rows }) => rows(locks)));
      return held.flat().length === 0;
    });
  const phaseOf = async ({ pool }: TestDatabase) => (await readRecord(pool, appId))?.phase;
  return {
    ...{ source, target, appId, sides, said },
    async prepare() {
      const atTarget = await prepareTarget(sides, undefined);
      return { atTarget, atSource: await prepareSource(sides, atTarget) };
    },
    async move(untilSwitched = async () => true) {
      await untilUnlocked();
      return move(sides, { historySince: undefined, untilSwitched });
    },
    async abort() {
      await untilUnlocked();
      return abort(sides);
    },
    async setPhase({ pool }, phase) {
      await pool.query('update wechat.account_move set phase = $2 where app_id = $1', [appId, phase]);
    },
    phases: () => Promise.all([phaseOf(source), phaseOf(target)]),
  };
}
