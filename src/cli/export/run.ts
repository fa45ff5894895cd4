import type { Pool } from '../../db/pool.js';
import { withDatabase } from '../database/session.js';
import type { CommandContext, OutputStream } from '../terminal/context.js';
import { count, duration, localTime } from '../terminal/format.js';
import { createProgress } from '../terminal/progress.js';
import { UsageError } from '../terminal/usage-error.js';
import { type Asked, type Checkpoint, type Done, describeAsked } from './checkpoint.js';
import { type Destination, findUnfinished, openExportFile } from './file.js';
import { createRecordWriter } from './format.js';
import { type ExportRange, isRangeOf, measureRange, readPages } from './pages.js';

export interface ExportOptions extends Asked {
  /** Default: standard output. */
  output: string | undefined;
  overwrite: boolean;
}

/** To count the messages may mean to read a table of tens of gigabytes once; all other statements are short. */
const statementTimeoutMs = 3_600_000;

/** `wechat-outbox export`: the messages of a time range with their deliveries, for other programs. */
export async function exportHistory(context: CommandContext, options: ExportOptions): Promise<void> {
  const { output, overwrite } = options;
  assertSensible(options);
  const unfinished = output === undefined ? undefined : await findUnfinished(output, options, { overwrite });
  await withDatabase(
    context,
    async (pool) => {
      const begin = unfinished ?? (await beginAnew(pool, options));
      const range = rangeOf(begin);
      if (unfinished && !(await isRangeOf(pool, range)))
        throw new UsageError(
          `${output} was begun with another database, or its last messages were deleted since. ` +
            'Set DATABASE_URL to that one, or begin anew with --overwrite.',
        );
      if (output === undefined)
        return run({ context, pool, options, begin, range, destination: toStream(context.out) });
      const destination = await openExportFile({ output, begin, unfinished, overwrite });
      try {
        if (unfinished) tell(context, `Going on with ${output}: it has ${described(begin.done)}.`);
        await run({ context, pool, options, begin, range, destination });
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
  context: CommandContext;
  pool: Pool;
  options: ExportOptions;
  begin: Checkpoint;
  range: ExportRange;
  destination: Destination;
}

async function run({ context, pool, options, begin, range, destination }: Run): Promise<void> {
  const { output, account, payload, overwrite } = options;
  const startedAt = performance.now();
  const writer = createRecordWriter(options);
  const progress = createProgress({
    total: range.messages,
    done: begin.done.messages,
    unit: 'messages',
    stream: context.err,
    // Rows and a bar on one terminal would be neither.
    isShown: output !== undefined || !context.out.isTTY,
  });
  const isInterrupted = output === undefined ? () => false : watchForInterruption(context);
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
    context,
    `${described(done)}, received from ${localTime(range.since)} until ${localTime(range.until)}, ` +
      `are in ${output ?? 'the output'} (${duration(performance.now() - startedAt)}).`,
  );
}

const described = ({ messages, deliveries }: Omit<Done, 'bytes'>) =>
  `${count(messages, 'message')} and ${count(deliveries, 'delivery', 'deliveries')}`;

function watchForInterruption({ host }: CommandContext): () => boolean {
  let isInterrupted = false;
  // What is in the file can be gone on with at any moment: the second time there is nothing to wait for.
  void host
    .untilSignal(() => host.exit(1))
    .then(() => {
      isInterrupted = true;
    });
  return () => isInterrupted;
}

/** Each write is waited for, however slowly it is read. */
function toStream(out: OutputStream): Destination {
  const nothing = async () => undefined;
  // The write that fails tells; without a listener the error would end the process.
  out.on('error', () => undefined);
  return {
    write: (text) =>
      new Promise((resolve, reject) => {
        out.write(text, (error) => (error ? reject(error) : resolve()));
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
function tell({ err }: CommandContext, text: string): void {
  err.write(`${text}\n`);
}
