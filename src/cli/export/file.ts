import { randomBytes } from 'node:crypto';
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { describeError } from '../../lib/describe-error.js';
import type { OutputStream } from '../terminal/context.js';
import { UsageError } from '../terminal/usage-error.js';

/** Where an export is written to. */
export interface Destination {
  write(text: string): Promise<void>;
  /** All is written. */
  complete(): Promise<void>;
  /** It will not be whole: takes away what was written, where that is possible. */
  discard(): Promise<void>;
}

/**
 * Is written beside FILE, as FILE.….part, and takes its name when it is whole and on the disk: an unfinished file never looks
 * finished, and what was there before stays until then. Only what is killed at once leaves its part behind.
 *
 * @throws UsageError when it would destroy what is there
 */
export async function createExportFile(
  output: string,
  { overwrite }: { overwrite: boolean },
): Promise<Destination> {
  // A link stays one.
  const target = await realpath(output).catch(() => output);
  const there = await assertRoom(output, overwrite);
  const part = `${target}.${randomBytes(3).toString('hex')}.part`;
  const file = await writing(output, () => open(part, 'wx', there?.mode));
  return {
    write: (text) => writing(output, () => writeAll(file, Buffer.from(text))),
    complete: () =>
      writing(output, async () => {
        await file.sync();
        await file.close();
        // It may have come while we wrote.
        await assertRoom(output, overwrite);
        await rename(part, target);
      }),
    async discard() {
      await file.close();
      await rm(part, { force: true });
    },
  };
}

/** An empty file has nothing to lose: mktemp makes such. */
async function assertRoom(output: string, overwrite: boolean) {
  const there = await stat(output).catch(() => undefined);
  if (there && !there.isFile()) throw new UsageError(`${output} is no file.`);
  if (there && there.size > 0 && !overwrite)
    throw new UsageError(`${output} is there already. Name another file, or replace it with --overwrite.`);
  return there;
}

/** One call may take less than all of it, as when the disk is nearly full. */
async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, written);
    written += bytesWritten;
  }
}

async function writing<T>(output: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new Error(`Cannot write ${output}: ${describeError(cause)}`, { cause });
  }
}

/** Who reads has enough, as `head`. Not any EPIPE: the database's connection may have that, too. */
export class NobodyReadsError extends Error {
  override readonly name = 'NobodyReadsError';
}

/** Each write is waited for, however slowly it is read. @throws NobodyReadsError by its `write` */
export function toStream(out: OutputStream): Destination {
  const nothing = async () => undefined;
  // The write that fails tells; without a listener the error would end the process.
  out.on('error', () => undefined);
  return {
    write: (text) =>
      new Promise((resolve, reject) => {
        out.write(text, (error) => {
          if (!error) resolve();
          else
            reject(isBrokenPipe(error) ? new NobodyReadsError('nobody reads on', { cause: error }) : error);
        });
      }),
    complete: nothing,
    discard: nothing,
  };
}

function isBrokenPipe(error: Error): boolean {
  return 'code' in error && error.code === 'EPIPE';
}
