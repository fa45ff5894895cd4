import type { Pool } from '../../db/pool.js';
import { withDatabase } from '../database/session.js';
import type { CommandContext } from '../terminal/context.js';
import { count, duration, localTime } from '../terminal/format.js';
import { createProgress } from '../terminal/progress.js';
import { UsageError } from '../terminal/usage-error.js';
import { createExportFile, type Destination, NobodyReadsError, toStream } from './file.js';
import { createRecordWriter, type RecordWriterOptions } from './format.js';
import { type Asked, measureRange, readPages } from './pages.js';

export interface ExportOptions extends Asked, RecordWriterOptions {
  /** Default: standard output. */
  output?: string | undefined;
  overwrite: boolean;
}

/** To count the messages may mean to read a table of tens of gigabytes once; all other statements are short. */
const statementTimeoutMs = 3_600_000;

/** `wechat-outbox export`: the messages of a time range with their deliveries, for other programs. */
export async function exportHistory(context: CommandContext, options: ExportOptions): Promise<void> {
  const { output, overwrite } = options;
  assertSensible(options);
  if (output === undefined) return run(context, options, toStream(context.out), () => false);
  const isInterrupted = watchForInterruption(context);
  const file = await createExportFile(output, { overwrite });
  try {
    await run(context, options, file, isInterrupted);
  } catch (error) {
    await file.discard();
    throw error;
  }
}

function assertSensible({ since, until, format, excel, output, overwrite }: ExportOptions): void {
  if (excel && format !== 'csv') throw new UsageError('--excel is for --format csv');
  if (overwrite && output === undefined) throw new UsageError('--overwrite is for --output');
  if (until && until <= since) throw new UsageError('--until must be later than --since');
}

async function run(
  context: CommandContext,
  options: ExportOptions,
  destination: Destination,
  isInterrupted: () => boolean,
): Promise<void> {
  const { output } = options;
  const startedAt = performance.now();
  try {
    const { since, until, messages, deliveries } = await withDatabase(
      context,
      (pool) => writePages(context, pool, options, destination, isInterrupted),
      { statementTimeoutMs },
    );
    context.err.write(
      `${count(messages, 'message')} and ${count(deliveries, 'delivery', 'deliveries')}, ` +
        `received from ${localTime(since)} until ${localTime(until)}, ` +
        `are in ${output ?? 'the output'} (${duration(performance.now() - startedAt)}).\n`,
    );
  } catch (error) {
    if (!(error instanceof NobodyReadsError)) throw error;
  }
}

/** @returns what was written, and the range that it is of */
async function writePages(
  { err, out }: CommandContext,
  pool: Pool,
  options: ExportOptions,
  destination: Destination,
  isInterrupted: () => boolean,
) {
  const { output } = options;
  const writer = createRecordWriter(options);
  const range = await measureRange(pool, options);
  // Rows and a bar on one terminal would be neither.
  const isShown = output !== undefined || !out.isTTY;
  const progress = createProgress({ total: range.messages, unit: 'messages', stream: err, isShown });
  let messages = 0;
  let deliveries = 0;
  try {
    await destination.write(writer.head);
    for await (const page of readPages(pool, range, options)) {
      if (isInterrupted()) throw new Error(`Interrupted: ${output} is as it was`);
      await destination.write(page.records.map(writer.line).join(''));
      messages += page.messages;
      deliveries += page.records.length - page.messages;
      progress.advance(page.messages);
    }
    await destination.complete();
  } finally {
    progress.end();
  }
  return { ...range, messages, deliveries };
}

/** A second Ctrl-C does not wait for the page that is being written. */
function watchForInterruption({ host }: CommandContext): () => boolean {
  let isInterrupted = false;
  void host
    .untilSignal(() => host.exit(1))
    .then(() => {
      isInterrupted = true;
    });
  return () => isInterrupted;
}
