import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { runCommand } from '../support/processes.js';
import { expectEchoes, setTwoDeployments, startLoad } from '../support/two-deployments.js';
import { waitFor } from '../support/wait.js';

/** How long after it has said that a step begins the command is killed: at once, and somewhere in it. */
const momentsMs = [0, 40];

test('a move whose command is killed in every step, again and again, comes to its end, and nothing is lost', {
  timeout: 240_000,
}, async () => {
  const two = await setTwoDeployments();
  const load = startLoad(two, 6, 60);
  await waitFor('some history', () => two.simulator.delivered.length > 60);

  const run = () => runCommand(two.args('--switch', two.switchCommand), two.settings);
  const killedAt: string[] = [];
  for (const step of ['1/6', '2/6', '3/6', '4/6', '5/6', '6/6']) {
    for (const afterMs of momentsMs) {
      const command = run();
      const saw = await waitFor(`step ${step}`, async () => {
        if (command.lines.some((line) => line.startsWith(step))) return 'step';
        return command.child.exitCode === null ? undefined : 'ended';
      });
      // It went past the step before it could be killed in it.
      if (saw === 'ended') break;
      await sleep(afterMs);
      command.child.kill('SIGKILL');
      await command.exited;
      killedAt.push(step);
      // Its sessions, and with them its locks, go when Postgres sees that the connections are closed.
      await waitFor('its locks to go', async () => {
        const [row] = await two.source.rows<{ held: number }>(
          `select count(*)::int as held from pg_stat_activity where application_name = 'wechat-outbox command'`,
        );
        return row?.held === 0;
      });
    }
  }
  expect(new Set(killedAt).size).toBeGreaterThanOrEqual(4);
  const last = run();
  const code = await last.exited;
  if (code !== 0) expect(last.errors.join('\n')).toContain('is not here any more');
  await sleep(500);
  await expectEchoes(two, await load.stop());
  expect(await two.source.rows('select phase from wechat.account_move')).toEqual([{ phase: 'gone' }]);
  expect(await two.target.rows('select phase from wechat.account_move')).toEqual([{ phase: 'open' }]);
  expect(await two.source.rows('select id from wechat.inbound_message')).toEqual([]);
});
