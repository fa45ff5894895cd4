import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { EmbeddedPostgres } from '#src/db/embedded.js';
import { type Simulator, startSimulator } from '#src/simulator/index.js';
import { settingsFor } from '../soak/settings.ts';
import { startTcpProxy } from '../soak/tcp-proxy.ts';
import { type Build, trialMigration } from './builds.ts';
import { type Running, run } from './places.ts';

const account = { appId: 'wx000000upgrade', appSecret: 'simulated-secret', token: 'upgradetoken' };

/** In this order they are replaced, both ways. */
const places = [
  ['ingress 1', 'ingress'],
  ['worker 1', 'worker'],
  ['ingress 2', 'ingress'],
  ['worker 2', 'worker'],
] as const;

/** How long versions work beside each other between two replacements. */
const besideMs = 4_000;
/** An analyst's query, or a dump: what a migration must not make others wait behind. */
const longQueryMs = 60_000;

/** Two ingress and two worker processes, behind a proxy that knows who listens. */
export interface Trial {
  readonly simulator: Simulator;
  readonly running: ReadonlyMap<string, Running>;
  /** Every process there was. */
  readonly all: readonly Running[];
  /** What was not as it must be. */
  readonly broken: string[];
  start(build: Build): Promise<void>;
  /** One process after the other, the next in place before the last has gone. */
  replaceAll(build: Build): Promise<void>;
  /** Who does not know a migration that takes something away says so and does not start. */
  refuse(build: Build): Promise<void>;
  stop(): Promise<void>;
}

export async function openTrial({
  postgres,
  logs,
  say,
}: {
  postgres: EmbeddedPostgres;
  logs: string;
  say(line: string): void;
}): Promise<Trial> {
  const simulator = await startSimulator({ account });
  const running = new Map<string, Running>();
  const all: Running[] = [];
  const broken: string[] = [];
  const webhook = await startTcpProxy(() =>
    [...running.values()].flatMap(({ webhookPort }) => webhookPort ?? []),
  );
  simulator.setWebhookUrl(`http://127.0.0.1:${webhook.port}/wechat`);
  const settings = settingsFor({ account, databaseUrl: postgres.url, apiBase: simulator.apiBase });

  async function put(name: string, role: string, build: Build): Promise<void> {
    const logFile = path.join(logs, `${name.replace(' ', '-')}.log`);
    const next = run(build, { name, role, settings, logFile });
    all.push(next);
    await next.started;
    const last = running.get(name);
    // Both serve for a moment. A proxy of the world knows by then: by /readyz, which is 503 from SIGTERM on.
    running.set(name, next);
    const code = await last?.stop();
    if (last && code !== 0) broken.push(`${name} (${last.build.name}) ended with ${code} after SIGTERM`);
    const ready = await fetch(`http://127.0.0.1:${next.adminPort}/readyz`);
    if (ready.status !== 200) broken.push(`${name} (${build.name}) is not ready: ${await ready.text()}`);
    say(`${name} is ${build.name}`);
  }

  return {
    ...{ simulator, running, all, broken },
    async start(build) {
      for (const [name, role] of places) await put(name, role, build);
    },
    async replaceAll(build) {
      const isWaitedFor = () =>
        all.some(({ lines }) => lines.some(({ event }) => event === 'migration_waits'));
      const reading = build.name === 'new' ? holdTable(postgres.url, isWaitedFor) : undefined;
      for (const [name, role] of places) {
        await put(name, role, build);
        await sleep(besideMs);
      }
      await reading;
    },
    async refuse(build) {
      await query(
        postgres.url,
        `insert into wechat.schema_migration_breaking values ('${trialMigration}', 'the trial took something away')`,
      );
      const late = run(build, {
        name: 'late',
        role: 'worker',
        settings,
        logFile: path.join(logs, 'late.log'),
      });
      const code = await Promise.race([late.ended, late.started.catch(() => late.ended)]);
      const said = `${late.words.join('')}${JSON.stringify(late.lines)}`;
      if (code !== 1 || !said.includes('the trial took something away')) {
        broken.push(`a version that is too old must refuse in words: ${code ?? 'it started'}: ${said}`);
        await late.stop();
      } else say('a version that is too old refuses');
    },
    async stop() {
      await Promise.all([...running.values()].map((process) => process.stop()));
      await webhook.close();
      await simulator.close();
    },
  };
}

/** Reads a table, as a dump does, until a migration that alters it has been seen to wait. */
async function holdTable(url: string, isWaitedFor: () => boolean): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('begin');
    await client.query('select from wechat.delivery limit 1');
    for (const deadline = Date.now() + longQueryMs; !isWaitedFor() && Date.now() < deadline; )
      await sleep(50);
    await client.query('commit');
  } finally {
    await client.end();
  }
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
