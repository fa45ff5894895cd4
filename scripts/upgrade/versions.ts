import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const exec = promisify(execFile);

export const root = fileURLToPath(new URL('../../', import.meta.url));

export async function git(...args: readonly string[]): Promise<string> {
  const { stdout } = await exec('git', args, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

export interface Origin {
  commit: string;
  /** A tag, or how the commit was chosen. */
  name: string;
  /** Names of its migrations, in their order. */
  migrations: string[];
}

/**
 * The version to come from: the one asked for, else the last tag, else, before the first release, the oldest ancestor whose
 * migrations are the first of the present ones, byte by byte. For a database of any older state is refused by design.
 *
 * @throws where the migrations of the version asked for, or of the tag, have changed since: what is released never changes
 */
export async function chooseOrigin(from: string | undefined): Promise<Origin> {
  const asked = from ?? (await lastTag());
  if (asked === undefined) return oldestAncestor();
  const commit = (await git('rev-parse', `${asked}^{commit}`)).trim();
  const { migrations, changed } = await compareMigrations(commit);
  if (changed.length > 0)
    throw new Error(
      `Migrations of ${asked} have changed since (${changed.join(', ')}): no database of that version can be upgraded.`,
    );
  return { commit, name: asked, migrations };
}

/** Of the ancestors of this commit, itself left out: an upgrade to itself tells nothing. */
async function lastTag(): Promise<string | undefined> {
  const parents = (await git('rev-list', '--parents', '-1', 'HEAD')).trim().split(' ').slice(1);
  for (const parent of parents) {
    const tag = await git('describe', '--tags', '--abbrev=0', '--match', 'v*', parent).catch(() => '');
    if (tag) return tag.trim();
  }
  return undefined;
}

async function oldestAncestor(): Promise<Origin> {
  let found: Origin | undefined;
  for (const commit of (await git('rev-list', '--first-parent', '--max-count=500', 'HEAD'))
    .trim()
    .split('\n')) {
    const { migrations, changed } = await compareMigrations(commit);
    if (changed.length > 0) break;
    found = {
      commit,
      name: `${commit.slice(0, 8)}, the oldest with these migrations (no tag yet)`,
      migrations,
    };
  }
  if (!found) throw new Error('No ancestor has these migrations: name a commit by --from.');
  return found;
}

/** Those of a commit beside those of the working tree. Git knows a content by its hash. */
async function compareMigrations(commit: string): Promise<{ migrations: string[]; changed: string[] }> {
  const lines = (await git('ls-tree', commit, 'migrations/')).trim().split('\n').filter(Boolean);
  const there = lines.map((line) => {
    const [, , hash = '', file = ''] = line.split(/\s+/);
    return { hash, file };
  });
  const here = await presentMigrations();
  const sql = there.filter(({ file }) => file.endsWith('.sql'));
  return {
    migrations: sql.map(({ file }) => path.basename(file, '.sql')),
    changed: sql
      .filter(({ file, hash }, index) => here[index]?.file !== file || here[index].hash !== hash)
      .map(({ file }) => path.basename(file)),
  };
}

async function presentMigrations(): Promise<{ hash: string; file: string }[]> {
  const names = (await readdir(path.join(root, 'migrations'))).filter((name) => name.endsWith('.sql')).sort();
  const files = names.map((name) => `migrations/${name}`);
  const hashes = (await git('hash-object', '--', ...files)).trim().split('\n');
  return files.map((file, index) => ({ file, hash: hashes[index] ?? '' }));
}
