import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

export interface Packed {
  /** A folder for this run alone, readable to all; `remove` takes it away. */
  folder: string;
  /** The tarball in it, as npm would publish it. */
  tarball: string;
  version: string;
  packedBytes: number;
  unpackedBytes: number;
  files: readonly { path: string; size: number }[];
  remove(): Promise<void>;
}

interface NpmPack {
  filename: string;
  version: string;
  size: number;
  unpackedSize: number;
  files: { path: string; size: number }[];
}

/** Packs dist/ as it stands: whoever calls this has built it. */
export async function pack(root: string): Promise<Packed> {
  const folder = await mkdtemp(path.join(tmpdir(), 'wechat-outbox-package-'));
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const { stdout } = await exec('npm', args, { cwd: root, maxBuffer: 2 ** 24, timeout: 120_000 });
  const [packed] = JSON.parse(stdout) as NpmPack[];
  if (!packed) throw new Error('npm packed nothing');
  return {
    folder,
    tarball: path.join(folder, packed.filename),
    version: packed.version,
    packedBytes: packed.size,
    unpackedBytes: packed.unpackedSize,
    files: packed.files,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
