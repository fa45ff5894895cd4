import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { freePorts } from '../../scripts/free-ports.js';
import { type Command, runCommand, runProgram } from '../support/processes.js';
import { testSettings } from '../support/service.js';
import { setStage } from '../support/stage.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';

const stubFile = path.resolve(import.meta.dirname, '../support/model-stub.ts');
const users = 12;
/** Five starts of a process are in it, on a machine that may be busy. */
const patienceMs = 120_000;

/** A process that is started again whenever it ends, as a supervisor would. */
function supervise(start: () => Command): { current(): Command } {
  let command = start();
  let over = false;
  onTestFinished(() => {
    over = true;
  });
  void (async () => {
    while (!over) {
      await command.exited;
      if (!over) command = start();
    }
  })();
  return { current: () => command };
}

const hasStarted = ({ current }: { current(): Command }) =>
  current().lines.some((line) => line.includes('"event":"started"'));

test('workers and the model’s server are killed under load: nothing is lost or out of order, and no completed call is made again', {
  timeout: 400_000,
}, async () => {
  const stage = await setStage();
  const { account, simulator, database } = stage;
  const directory = scratchDirectory();
  const done = path.join(directory, 'calls.txt');
  writeFileSync(done, '');
  const port = await freePorts(1);
  const file = path.join(directory, 'model.yaml');
  writeFileSync(
    file,
    `baseUrl: http://127.0.0.1:${port}/v1\nmodel: stub\ntries: 5\ntimeout: 20s\nmemory: { turns: 4, tokens: 400, summary: false }\n`,
  );
  await stage.start({ role: 'ingress' });
  const stub = supervise(() =>
    runProgram(stubFile, { STUB_PORT: String(port), STUB_FILE: done, STUB_PAUSE_MS: '150' }),
  );
  const settings = {
    ...testSettings({ account, simulator, databaseUrl: database.url }),
    ...{ REPLIES: `model:${file}`, RESCUE_AFTER: '2' },
  };
  const workers = [0, 1].map(() => supervise(() => runCommand(['start', '--role', 'worker'], settings)));
  await waitFor('the start of all', () => [stub, ...workers].every(hasStarted), patienceMs);

  const said = Array.from({ length: users }, (): string[] => []);
  let isOver = false;
  const load = Promise.all(
    said.map(async (texts, user) => {
      while (!isOver) {
        const text = `u${user}m${texts.length}`;
        const { outcome } = await simulator.user(`o${user}`).say(text);
        expect(outcome).toBe('acknowledged');
        texts.push(text);
        await sleep(1_000);
      }
    }),
  );
  for (const victim of [workers[0], stub, workers[1], stub, workers[0]]) {
    const before = calls(done).length;
    await waitFor('calls under way', () => calls(done).length >= before + 4, patienceMs);
    victim?.current().child.kill('SIGKILL');
    await sleep(500);
  }
  isOver = true;
  await load;
  const all = said.flat().length;
  await waitFor(
    'every message to have an end',
    async () => {
      const [row] = await database.rows<{ all: number; settled: number }>(
        'select count(*)::int as all, count(settled_at)::int as settled from wechat.inbound_message',
      );
      return row?.all === all && row.settled === row.all;
    },
    patienceMs,
  );

  // Nothing is lost, and nothing out of order; what a killed worker may have sent is sent again, which is on record as unknown.
  for (const [user, texts] of said.entries()) {
    const got = simulator.delivered.filter(({ openid }) => openid === `o${user}`).map(({ text }) => text);
    const answered = got.map((text) => /^回：(u\d+m\d+)，/.exec(text)?.[1] ?? text);
    expect([...new Set(answered)]).toEqual(texts);
  }
  expect(await database.rows(`select from wechat.inbound_message where status = 'failed'`)).toEqual([]);

  // No call begins for a message after one that completed, and each has one that did.
  const rows = await database.rows<{ asked: string; outcomes: string[] }>(
    `select m.content as asked, array_agg(c.outcome order by c.id) as outcomes
     from wechat.model_call c join wechat.inbound_message m on m.id = c.message_id group by m.id, m.content`,
  );
  expect(rows).toHaveLength(all);
  for (const { outcomes } of rows)
    expect(outcomes.filter((one) => one === 'completed')).toEqual(['completed']);
  for (const { outcomes } of rows) expect(outcomes.at(-1)).toBe('completed');
  // The server may have completed one more only where the worker died before it could store that.
  const completed = calls(done).filter(({ what }) => what === 'completed');
  for (const { asked, outcomes } of rows) {
    const times = completed.filter((call) => call.asked === asked).length;
    expect(times).toBeLessThanOrEqual(1 + outcomes.filter((one) => one === 'lost').length);
  }
  const failed = rows.flatMap(({ outcomes }) => outcomes.filter((one) => one !== 'completed'));
  expect(failed.length).toBeGreaterThan(0);
});

function calls(file: string): { what: string; asked: string }[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [what = '', asked = ''] = line.split(' ');
      return { what, asked };
    });
}
