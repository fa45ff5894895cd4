import type { Pool } from '../../db/pool.js';
import { withDatabase } from '../database/session.js';
import type { CommandContext } from '../terminal/context.js';
import { localTime } from '../terminal/format.js';
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
  assertSensible(options, context);
  if (output === undefined) return run(context, options, toStream(context.out), () => false);
  const isInterrupted = watchForInterruption(context);
  const file = await createExportFile(output, { overwrite, words: context.words.commands.export });
  try {
    await run(context, options, file, isInterrupted);
  } catch (error) {
    await file.discard();
    throw error;
  }
}

function assertSensible(
  { since, until, format, excel, output, overwrite }: ExportOptions,
  { words }: CommandContext,
): void {
  const { excelIsCsv, overwriteIsOutput, untilIsLater } = words.commands.export;
  if (excel && format !== 'csv') throw new UsageError(excelIsCsv);
  if (overwrite && output === undefined) throw new UsageError(overwriteIsOutput);
  if (until && until <= since) throw new UsageError(untilIsLater);
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
    const { export: words } = context.words.commands;
    const range = { since: localTime(since), until: localTime(until) };
    const took = context.words.terminal.duration(performance.now() - startedAt);
    context.err.write(`${words.done(messages, deliveries, range)}${words.where(output, took)}\n`);
  } catch (error) {
    if (!(error instanceof NobodyReadsError)) throw error;
  }
}

/** @returns what was written, and the range that it is of */
async function writePages(
  { err, out, words }: CommandContext,
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
  const total = range.messages;
  const progress = createProgress({ total, kind: 'messages', words, stream: err, isShown });
  let messages = 0;
  let deliveries = 0;
  try {
    await destination.write(writer.head);
    for await (const page of readPages(pool, range, options)) {
      if (isInterrupted()) throw new Error(words.commands.export.interrupted(output ?? ''));
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
