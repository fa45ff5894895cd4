import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import type { Simulator } from '../../src/simulator/index.js';
import { runInProcess } from '../support/command-line.js';
import { type Command, runCommand } from '../support/processes.js';
import { newAccount, startTestSimulator, testSettings } from '../support/service.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';
import { asServer, bin, type Cluster, serverDirectory, startCluster } from './support/cluster.js';

interface Finding {
  level: string;
  what: string;
  found: string;
  details?: string[];
}

const users = (name: string, count: number) =>
  Array.from({ length: count }, (_, index) => `o${name}${index}`);

describe.skipIf(!inject('postgresBin'))('a database that was restored to a moment', () => {
  test('tells what is lost and what goes again, and what is held goes to nobody twice', {
    timeout: 600_000,
  }, async () => {
    const archive = await serverDirectory();
    const settings = [`archive_mode = on`, `archive_command = 'cp %p ${archive}/%f'`, 'wal_level = replica'];
    const cluster = await startCluster({ settings });
    await cluster.sql('create database wechat');
    const account = newAccount();
    const simulator = await startTestSimulator(account);
    onTestFinished(() => simulator.close());
    const settingsOn = (databaseUrl: string) => testSettings({ account, simulator, databaseUrl });
    const service = await serve(simulator, settingsOn(cluster.url('wechat')));
    const write = (openids: readonly string[]) =>
      Promise.all(openids.map((openid) => simulator.user(openid).say(`from ${openid}`)));
    const receive = (openids: readonly string[]) =>
      Promise.all(openids.map((openid) => simulator.waitForDelivered(openid, 1, 60_000)));

    const early = [...users('Before', 5), ...users('After', 5)];
    await write(early.slice(0, 5));
    await receive(early.slice(0, 5));
    const backup = path.join(archive, 'base');
    const from = ['-h', cluster.directory, '-p', String(cluster.port), '-U', 'postgres'];
    await asServer(bin('pg_basebackup'), ['-D', backup, ...from, '-X', 'stream', '-c', 'fast']);
    await write(early.slice(5));
    await receive(early.slice(5));

    // What waits at the moment: some is sent behind it, and some never.
    const [later, never] = [users('Later', 4), users('Never', 3)];
    const refuse = (openids: readonly string[]) => {
      for (const openid of openids)
        simulator.faults.add({ openid, times: Number.POSITIVE_INFINITY, fault: { errcode: -1 } });
    };
    refuse([...later, ...never]);
    await write([...later, ...never]);
    await waitFor(
      'each to be refused once',
      async () => {
        const rows = await cluster.sql(
          `select count(distinct delivery_id)::int as refused from wechat.delivery_attempt where outcome = 'transient'`,
          'wechat',
        );
        return Number(rows[0]?.refused) >= later.length + never.length;
      },
      60_000,
    );
    const [moment] = await cluster.sql('select clock_timestamp()::text as at');
    simulator.faults.clear();
    refuse(never);
    const gone = users('Gone', 6);
    await write(gone);
    await receive([...later, ...gone]);
    const pushed = early.length + later.length + never.length + gone.length;
    await service.events('push', pushed);
    await waitFor('all attempts to be in the log', () => countSent(service) === simulator.delivered.length);
    service.child.kill('SIGKILL');
    await service.exited;
    await cluster.sql('select pg_switch_wal()');
    await cluster.stop();

    const restored = await restore({ backup, archive, at: String(moment?.at) });
    const databaseUrl = restored.url('wechat');
    const log = path.join(scratchDirectory(), 'service.log');
    await writeFile(log, `${service.lines.join('\n')}\n`);
    const idsOf = async (openids: readonly string[]) => {
      const list = openids.map((openid) => `'${openid}'`).join(', ');
      const rows = await restored.sql(
        `select id::text from wechat.inbound_message where openid in (${list}) order by inbound_message.id`,
        'wechat',
      );
      return rows.map(({ id }) => String(id));
    };
    expect(await idsOf(gone)).toEqual([]);

    const doctor = async (...more: string[]) => {
      const { out, code } = await runInProcess(['doctor', '--after-restore', '--json', ...more], {
        DATABASE_URL: databaseUrl,
      });
      expect(code).toBe(0);
      return Object.fromEntries((JSON.parse(out) as Finding[]).map((finding) => [finding.what, finding]));
    };
    const blind = await doctor();
    expect(blind.restore?.found).toMatch(/timeline 2.*has not been started/);
    expect(blind.lost?.found).toMatch(/gone: how much/);
    expect(blind['to send again']?.details).toEqual(await idsOf([...later, ...never]));
    const told = await doctor('--log', log);
    expect(told.lost?.details).toHaveLength(gone.length);
    expect(told['sent by the log']?.details).toEqual(await idsOf(later));

    const hold = ['hold', '--after-restore', '--log', log, '--yes', '--json'];
    const held = await runInProcess(hold, { DATABASE_URL: databaseUrl });
    expect(JSON.parse(held.out)).toMatchObject({ held: later.length });

    simulator.faults.clear();
    const second = await serve(simulator, settingsOn(databaseUrl));
    expect(await second.event('database_timeline')).toMatchObject({ level: 'warn', timeline: 2 });
    await receive(never);
    const fresh = users('Fresh', 4);
    await write(fresh);
    await receive(fresh);
    await settled(restored);
    expect(timesOf(simulator, [...early, ...later, ...never, ...gone, ...fresh])).toEqual({
      once: 27,
      more: [],
    });
    expect((await doctor()).restore?.found).toMatch(/it went on at .*timeline 2/);

    // Nobody knew of one of these without the log. Who lets them go sends them twice, as was said, and no others.
    const requeue = ['requeue', '--state', 'unknown', '--since', '1h', '--yes'];
    expect(await runInProcess(requeue, { DATABASE_URL: databaseUrl })).toMatchObject({ code: 0 });
    await settled(restored);
    expect(timesOf(simulator, [...early, ...later, ...never, ...gone, ...fresh]).more.sort()).toEqual(later);
  });
});

async function serve(simulator: Simulator, settings: Record<string, string>): Promise<Command> {
  const service = runCommand(['start'], settings);
  // On a machine that is busy a start takes its time.
  await waitFor('the start', () => service.lines.some((line) => line.includes('"event":"started"')), 90_000);
  const { webhook_port } = await service.event('started');
  simulator.setWebhookUrl(`http://127.0.0.1:${webhook_port}/wechat`);
  return service;
}

const countSent = ({ lines }: Command) =>
  lines.filter((line) => line.includes('"event":"attempt"') && line.includes('"outcome":"sent"')).length;

/** Source: PostgreSQL, "Recovering Using a Continuous Archive Backup". */
async function restore({
  backup,
  archive,
  at,
}: {
  backup: string;
  archive: string;
  at: string;
}): Promise<Cluster> {
  const cluster = await startCluster({
    from: backup,
    settings: [
      `restore_command = 'cp ${archive}/%f %p'`,
      `recovery_target_time = '${at}'`,
      `recovery_target_action = 'promote'`,
    ],
    async prepare(directory) {
      await asServer('/usr/bin/touch', [path.join(directory, 'data', 'recovery.signal')]);
    },
  });
  await waitFor('the end of the recovery', async () => {
    const [row] = await cluster.sql('select pg_is_in_recovery() as recovers');
    return row?.recovers === false;
  });
  return cluster;
}

async function settled(cluster: Cluster): Promise<void> {
  await waitFor(
    'all to be settled',
    async () => {
      const [row] = await cluster.sql(
        'select count(*)::int as open from wechat.inbound_message where settled_at is null',
        'wechat',
      );
      return row?.open === 0;
    },
    60_000,
  );
}

/** How many of these users got their replies once, and who got one more often. */
function timesOf(simulator: Simulator, openids: readonly string[]): { once: number; more: string[] } {
  const countOf = (openid: string) => {
    const texts = simulator.delivered.filter((message) => message.openid === openid).map(({ text }) => text);
    return texts.length === 0 ? 0 : texts.length / new Set(texts).size;
  };
  return {
    once: openids.filter((openid) => countOf(openid) === 1).length,
    more: openids.filter((openid) => countOf(openid) > 1),
  };
}
