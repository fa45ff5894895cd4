import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

const exec = promisify(execFile);

declare module 'vitest' {
  interface ProvidedContext {
    /** Where Debian keeps initdb and the like; empty when it is not there. */
    postgresBin: string;
    pgbouncer: string;
  }
}

/** Debian's packages, installed where apt is there and they are not; what is left out is said. */
export async function setup(project: TestProject): Promise<void> {
  if (!postgresBin() || !pgbouncer()) await install();
  const found = { postgresBin: postgresBin(), pgbouncer: pgbouncer() };
  project.provide('postgresBin', found.postgresBin);
  project.provide('pgbouncer', found.pgbouncer);
  if (!found.postgresBin) say('left out: everything, for there is no PostgreSQL of Debian here');
  else if (!found.pgbouncer) say('left out: PgBouncer, which is not here');
  else say(`servers: ${found.postgresBin}, ${found.pgbouncer}`);
}

const home = '/usr/lib/postgresql';

function postgresBin(): string {
  const versions = existsSync(home)
    ? readdirSync(home).sort((left, right) => Number(right) - Number(left))
    : [];
  return versions.map((version) => `${home}/${version}/bin`).find((bin) => existsSync(`${bin}/initdb`)) ?? '';
}

const pgbouncer = () => ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((file) => existsSync(file)) ?? '';

async function install(): Promise<void> {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  // Else the package makes a cluster of its own, and starts it.
  if (!existsSync('/etc/postgresql-common')) {
    mkdirSync('/etc/postgresql-common');
    writeFileSync('/etc/postgresql-common/createcluster.conf', 'create_main_cluster = false\n');
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['-y', '--no-install-recommends', '-o', 'Dpkg::Options::=--force-confold'];
  try {
    await exec('apt-get', ['update'], { env });
    await exec('apt-get', ['install', ...options, 'postgresql', 'pgbouncer'], { env });
  } catch (error) {
    say(`apt-get: ${error instanceof Error ? error.message : error}`);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
