import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { TestDatabase } from '../support/database.js';
import { runCommand } from '../support/processes.js';
import { expectEchoes, setTwoDeployments, startLoad } from '../support/two-deployments.js';
import { waitFor } from '../support/wait.js';

/** How long after it has said that a step begins the command is killed: at once, and somewhere in it. */
const momentsMs = [0, 10];

/** A database has sessions of its own, and with them locks, at each side of a move. */
async function heldByCommands({ rows }: TestDatabase): Promise<number> {
  const [row] = await rows<{ held: number }>(
    `select count(*)::int as held from pg_stat_activity
     where application_name = 'wechat-outbox command' and datname = current_database()`,
  );
  return row?.held ?? 0;
}

/** As soon as the command says it: a step takes some milliseconds. */
function stepOrEnd({ child, lines }: ReturnType<typeof runCommand>, step: string): Promise<'step' | 'ended'> {
  return new Promise((resolve) => {
    child.stdout?.on('data', () =>
      setImmediate(() => lines.some((line) => line.startsWith(step)) && resolve('step')),
    );
    child.once('exit', () => resolve('ended'));
  });
}

test('a move whose command is killed in every step, again and again, comes to its end, and nothing is lost', {
  timeout: 240_000,
}, async () => {
  const two = await setTwoDeployments();
  const load = startLoad(two, 6, 60);
  await waitFor('some history', () => two.simulator.delivered.length > 60);

  // A busy machine must not see a step only when it is over.
  for (const { pool } of [two.source, two.target])
    await pool.query(
      `create function take_time() returns trigger language plpgsql as $$ begin perform pg_sleep(0.2); return new; end $$;
       create trigger take_time before insert or update on wechat.account_move for each row execute function take_time()`,
    );

  const run = () => runCommand(two.args('--switch', two.switchCommand), two.settings);
  const killedAt: string[] = [];
  const ends: string[] = [];
  for (const step of ['1/6', '2/6', '3/6', '4/6', '5/6', '6/6']) {
    for (const afterMs of momentsMs) {
      const command = run();
      const saw = await stepOrEnd(command, step);
      // It went past the step before it could be killed in it.
      if (saw === 'ended') {
        ends.push([step, ...command.errors].join(' '));
        break;
      }
      await sleep(afterMs);
      command.child.kill('SIGKILL');
      await command.exited;
      killedAt.push(step);
      // Its sessions, and with them its locks, go when Postgres sees that the connections are closed.
      await waitFor('its locks to go', async () => {
        const held = await Promise.all([two.source, two.target].map(heldByCommands));
        return held.every((count) => count === 0);
      });
    }
  }
  expect(new Set(killedAt).size, ends.join('\n')).toBeGreaterThanOrEqual(4);
  const last = run();
  const code = await last.exited;
  if (code !== 0) expect(last.errors.join('\n')).toContain('is not here any more');
  await sleep(500);
  await expectEchoes(two, await load.stop());
  expect(await two.source.rows('select phase from wechat.account_move')).toEqual([{ phase: 'gone' }]);
  expect(await two.target.rows('select phase from wechat.account_move')).toEqual([{ phase: 'open' }]);
  expect(await two.source.rows('select id from wechat.inbound_message')).toEqual([]);
});
