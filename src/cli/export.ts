import type { Pool } from '../db/pool.js';
import { type Asked, type Checkpoint, type Done, describeAsked } from './export-checkpoint.js';
import { type Destination, findUnfinished, openExportFile } from './export-file.js';
import { createRecordWriter } from './export-format.js';
import { type ExportRange, isRangeOf, measureRange, readPages } from './export-pages.js';
import { count, duration, localTime } from './format.js';
import { type Environment, withDatabase } from './operator-session.js';
import { createProgress } from './progress.js';
import { untilSignal } from './signals.js';
import { UsageError } from './usage-error.js';

export interface ExportOptions extends Asked {
  environment: Environment;
  /** Default: standard output. */
  output: string | undefined;
  overwrite: boolean;
}

/** To count the messages may mean to read a table of tens of gigabytes once; all other statements are short. */
const statementTimeoutMs = 3_600_000;

/** `wechat-outbox export`: the messages of a time range with their deliveries, for other programs. */
export async function exportCommand(options: ExportOptions): Promise<void> {
  const { environment, output, overwrite } = options;
  assertSensible(options);
  const unfinished = output === undefined ? undefined : await findUnfinished(output, options, { overwrite });
  await withDatabase(
    environment,
    async (pool) => {
      const begin = unfinished ?? (await beginAnew(pool, options));
      const range = rangeOf(begin);
      if (unfinished && !(await isRangeOf(pool, range)))
        throw new UsageError(
          `${output} was begun with another database, or its last messages were deleted since. ` +
            'Set DATABASE_URL to that one, or begin anew with --overwrite.',
        );
      if (output === undefined) return run({ pool, options, begin, range, destination: standardOutput() });
      const destination = await openExportFile({ output, begin, unfinished, overwrite });
      try {
        if (unfinished) tell(`Going on with ${output}: it has ${described(begin.done)}.`);
        await run({ pool, options, begin, range, destination });
      } finally {
        await destination.close();
      }
    },
    { statementTimeoutMs },
  );
}

function assertSensible({ since, until, format, excel, output, overwrite }: ExportOptions): void {
  if (excel && format !== 'csv') throw new UsageError('--excel is for --format csv');
  if (overwrite && output === undefined) throw new UsageError('--overwrite is for --output');
  if (until && until.at <= since.at) throw new UsageError('--until must be later than --since');
}

async function beginAnew(pool: Pool, options: ExportOptions): Promise<Checkpoint> {
  const { since, until, account } = options;
  const range = await measureRange(pool, { since: since.at, until: until?.at, account });
  return {
    version: 1,
    asked: describeAsked(options),
    range: { ...range, since: range.since.toISOString(), until: range.until.toISOString() },
    done: { afterId: null, messages: 0, deliveries: 0, bytes: 0 },
  };
}

function rangeOf({ range }: Checkpoint): ExportRange {
  return { ...range, since: new Date(range.since), until: new Date(range.until) };
}

interface Run {
  pool: Pool;
  options: ExportOptions;
  begin: Checkpoint;
  range: ExportRange;
  destination: Destination;
}

async function run({ pool, options, begin, range, destination }: Run): Promise<void> {
  const { output, account, payload, overwrite } = options;
  const startedAt = performance.now();
  const writer = createRecordWriter(options);
  const progress = createProgress({
    total: range.messages,
    done: begin.done.messages,
    unit: 'messages',
    stream: process.stderr,
    // Rows and a bar on one terminal would be neither.
    isShown: output !== undefined || !process.stdout.isTTY,
  });
  const isInterrupted = output === undefined ? () => false : watchForInterruption();
  const done: Omit<Done, 'bytes'> = { ...begin.done };
  try {
    if (begin.done.bytes === 0) await destination.write(writer.head);
    for await (const page of readPages(pool, { range, account, payload, afterId: done.afterId })) {
      await destination.write(page.records.map(writer.line).join(''));
      done.afterId = page.lastId;
      done.messages += page.messages;
      done.deliveries += page.deliveries;
      await destination.reached({ ...done });
      progress.advance(page.messages);
      if (isInterrupted()) {
        await destination.interrupt();
        throw new Error('Interrupted');
      }
    }
    await destination.complete();
  } catch (error) {
    progress.end();
    if (output === undefined && isBrokenPipe(error)) return;
    if (output === undefined || !(error instanceof Error)) throw error;
    // With --overwrite the same command would begin anew.
    const again = `the same command${overwrite ? ' without --overwrite' : ''} goes on from there`;
    throw new Error(`${error.message}. What is in ${output} stays: ${again}.`, { cause: error });
  }
  progress.end();
  tell(
    `${described(done)}, received from ${localTime(range.since)} until ${localTime(range.until)}, ` +
      `are in ${output ?? 'the output'} (${duration(performance.now() - startedAt)}).`,
  );
}

const described = ({ messages, deliveries }: Omit<Done, 'bytes'>) =>
  `${count(messages, 'message')} and ${count(deliveries, 'delivery', 'deliveries')}`;

function watchForInterruption(): () => boolean {
  let isInterrupted = false;
  // What is in the file can be gone on with at any moment: the second time there is nothing to wait for.
  void untilSignal(() => process.exit(1)).then(() => {
    isInterrupted = true;
  });
  return () => isInterrupted;
}

/** Each write is waited for, however slowly it is read. */
function standardOutput(): Destination {
  const nothing = async () => undefined;
  // The write that fails tells; without a listener the error would end the process.
  process.stdout.on('error', () => undefined);
  return {
    write: (text) =>
      new Promise((resolve, reject) => {
        process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
      }),
    reached: nothing,
    interrupt: nothing,
    complete: nothing,
    close: nothing,
  };
}

/** Who reads has enough, as `head`. */
function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}

/** Standard output may be the export. */
function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
