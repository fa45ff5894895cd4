import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { git, type Origin, root } from './versions.ts';

const exec = promisify(execFile);

/** A version of the program, built, in a folder of its own. */
export interface Build {
  name: 'old' | 'new';
  directory: string;
  main: string;
}

/** The files of a commit with what they need, built by that version's own compiler settings. */
export async function buildOld({ commit }: Origin, within: string): Promise<Build> {
  const directory = path.join(within, 'old');
  await mkdir(directory);
  await exec('sh', ['-c', `git -C "$1" archive "$2" | tar -x -C "$3"`, 'sh', root, commit, directory]);
  if (await hasSameModules(commit)) await linkModules(directory);
  else
    await exec('npm', ['ci', '--no-audit', '--no-fund'], {
      cwd: directory,
      env: { ...process.env, CI: '1' },
    });
  // The pages of the console are left out: nobody looks at them here.
  await exec(path.join(directory, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json', '--noCheck'], {
    cwd: directory,
    maxBuffer: 64 * 1024 * 1024,
  });
  return { name: 'old', directory, main: path.join(directory, 'dist/cli/main.js') };
}

/** This version, with one more migration than it has, as the next one would have: there is always something to migrate. */
export async function copyNew(within: string): Promise<Build> {
  const directory = path.join(within, 'new');
  await mkdir(directory);
  for (const part of ['dist', 'migrations', 'package.json'])
    await cp(path.join(root, part), path.join(directory, part), { recursive: true });
  await linkModules(directory);
  await writeFile(path.join(directory, 'migrations', `${trialMigration}.sql`), trialText);
  return { name: 'new', directory, main: path.join(directory, 'dist/cli/main.js') };
}

const linkModules = (directory: string) =>
  symlink(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));

export const trialMigration = '9001_trial';

/** Each way to add something, on the tables that every message goes through. */
const trialText = `
alter table wechat.inbound_message add column trial text;
alter table wechat.delivery add column trial integer not null default 0;
alter table wechat.lane add column trial boolean not null default false;
create table wechat.trial (id bigint primary key);
comment on table wechat.trial is 'What a later version might add';
`;

/** Whether each dependency that the commit names, and its compiler, is here in the version that its lock file says. */
async function hasSameModules(commit: string): Promise<boolean> {
  const { dependencies } = JSON.parse(await git('show', `${commit}:package.json`)) as {
    dependencies: Record<string, string>;
  };
  const there = lockedVersions(await git('show', `${commit}:package-lock.json`));
  const here = lockedVersions(await readFile(path.join(root, 'package-lock.json'), 'utf8'));
  return [...Object.keys(dependencies), 'typescript'].every((name) => there.get(name) === here.get(name));
}

function lockedVersions(lock: string): Map<string, string> {
  const { packages } = JSON.parse(lock) as { packages: Record<string, { version?: string }> };
  const top = /^node_modules\//;
  return new Map(
    Object.entries(packages).flatMap(([name, { version }]) =>
      version ? [[name.replace(top, ''), version]] : [],
    ),
  );
}
