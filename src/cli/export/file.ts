import { constants } from 'node:fs';
import { access, type FileHandle, open, stat } from 'node:fs/promises';
import path from 'node:path';
import { describeError } from '../../lib/describe-error.js';
import { UsageError } from '../terminal/usage-error.js';
import {
  type Asked,
  assertSameExport,
  type Checkpoint,
  type Done,
  progressPath,
  readCheckpoint,
  removeCheckpoint,
  writeCheckpoint,
} from './checkpoint.js';

/** Where an export is written to. */
export interface Destination {
  write(text: string): Promise<void>;
  /** All that was written is of messages up to `afterId`. */
  reached(done: Omit<Done, 'bytes'>): Promise<void>;
  /** Keeps what was reached, for a run that goes on later. */
  interrupt(): Promise<void>;
  complete(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Looks at what is there, before anything is asked of the database.
 *
 * @returns how far an earlier run came, if this one is to go on with it
 * @throws UsageError when writing would destroy what is there
 */
export async function findUnfinished(
  output: string,
  asked: Asked,
  { overwrite }: { overwrite: boolean },
): Promise<Checkpoint | undefined> {
  await writing(output, () => access(path.dirname(output), constants.W_OK));
  const there = await stat(output).catch(() => undefined);
  if (there && !there.isFile()) throw new UsageError(`${output} is no file.`);
  if (overwrite) return undefined;
  const begun = await readCheckpoint(output);
  if (begun) assertSameExport(output, begun, asked);
  assertRoom(output, there?.size ?? 0, begun);
  return begun;
}

/** An empty file has nothing to lose: mktemp makes such. */
function assertRoom(output: string, size: number, begun: Checkpoint | undefined): void {
  if (!begun && size > 0)
    throw new UsageError(
      `${output} is there already, and no unfinished export. Name another file, or replace it with --overwrite.`,
    );
  if (begun && size < begun.done.bytes)
    throw new UsageError(
      `${output} is shorter than what ${progressPath(output)} says was written to it. Begin anew with --overwrite.`,
    );
}

/** A sync costs milliseconds: often enough to lose little, too seldom to slow the export down. */
const checkpointMs = 250;

export interface ExportFileOptions {
  output: string;
  /** Where this run begins. */
  begin: Checkpoint;
  /** What `findUnfinished` found. */
  unfinished: Checkpoint | undefined;
  overwrite: boolean;
}

/** Opens the file where `begin` says the export stands; from here on it can be gone on with. */
export async function openExportFile({
  output,
  begin,
  unfinished,
  overwrite,
}: ExportFileOptions): Promise<Destination> {
  let file: FileHandle | undefined;
  let checkpoint = begin;
  let bytes = begin.done.bytes;
  let reached: Omit<Done, 'bytes'> = begin.done;
  let keptAt = Number.NEGATIVE_INFINITY;

  async function keep(to: FileHandle): Promise<void> {
    await to.datasync();
    checkpoint = { ...checkpoint, done: { ...reached, bytes } };
    await writeCheckpoint(output, checkpoint);
    keptAt = performance.now();
  }

  try {
    file = await writing(output, () => open(output, constants.O_RDWR | constants.O_CREAT));
    const opened = file;
    // Looked at before as well, but counting the messages may have taken minutes.
    if (!overwrite) assertRoom(output, (await opened.stat()).size, unfinished);
    await writing(output, async () => {
      // First this: a file that was cut and has no checkpoint would be refused.
      await writeCheckpoint(output, begin);
      await opened.truncate(bytes);
    });
    return {
      write: (text) =>
        writing(output, async () => {
          const chunk = Buffer.from(text);
          await writeAll(opened, chunk, bytes);
          bytes += chunk.length;
        }),
      async reached(done) {
        reached = done;
        if (performance.now() - keptAt >= checkpointMs) await writing(output, () => keep(opened));
      },
      interrupt: () => writing(output, () => keep(opened)),
      complete: () =>
        writing(output, async () => {
          await opened.sync();
          await removeCheckpoint(output);
        }),
      close: () => opened.close(),
    };
  } catch (error) {
    await file?.close();
    throw error;
  }
}

/** One call may take less than all of it, as when the disk is nearly full. */
async function writeAll(file: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, written, chunk.length - written, position + written);
    written += bytesWritten;
  }
}

async function writing<T>(output: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    throw new Error(`Cannot write ${output}: ${describeError(cause)}`, { cause });
  }
}
