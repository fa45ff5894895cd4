import { open, readFile, rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import type { GivenTime } from '../terminal/arguments.js';
import { UsageError } from '../terminal/usage-error.js';
import type { ExportFormat } from './format.js';

const id = z.string().regex(/^\d{1,19}$/);
const time = z.iso.datetime();
const amount = z.number().int().min(0);

const checkpoint = z.object({
  version: z.literal(1),
  /** As given: what the same command has again. A time that is relative is kept as its text. */
  asked: z.object({
    since: z.string(),
    until: z.string().nullable(),
    account: z.string().nullable(),
    format: z.enum(['ndjson', 'csv']),
    payload: z.boolean(),
    excel: z.boolean(),
  }),
  range: z.object({
    since: time,
    until: time,
    messages: amount,
    firstId: id.nullable(),
    lastId: id.nullable(),
    lastReceived: z.string().nullable(),
  }),
  /** What is on the disk for certain. `afterId`: the last message of it. */
  done: z.object({ afterId: id.nullable(), messages: amount, deliveries: amount, bytes: amount }),
});

/** How far an unfinished export has come: the content of FILE.progress. */
export type Checkpoint = z.infer<typeof checkpoint>;
export type Done = Checkpoint['done'];

export interface Asked {
  since: GivenTime;
  until: GivenTime | undefined;
  account: string | undefined;
  format: ExportFormat;
  payload: boolean;
  excel: boolean;
}

export const progressPath = (output: string) => `${output}.progress`;

export function describeAsked({ since, until, account, format, payload, excel }: Asked): Checkpoint['asked'] {
  return {
    since: timeAsked(since),
    until: until ? timeAsked(until) : null,
    account: account ?? null,
    format,
    payload,
    excel,
  };
}

function timeAsked({ text, at, isRelative }: GivenTime): string {
  return isRelative ? text : at.toISOString();
}

/** @throws UsageError when it is there and cannot be understood */
export async function readCheckpoint(output: string): Promise<Checkpoint | undefined> {
  const path = progressPath(output);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return checkpoint.parse(JSON.parse(text));
  } catch (cause) {
    throw new UsageError(
      `${path} is not what an export wrote. Name another file, or begin anew with --overwrite.`,
      { cause },
    );
  }
}

/**
 * Whole or not at all: written beside the old one, which it then replaces.
 *
 * Call it when the bytes that it speaks of are on the disk.
 */
export async function writeCheckpoint(output: string, content: Checkpoint): Promise<void> {
  const path = progressPath(output);
  const beside = `${path}.new`;
  try {
    const file = await open(beside, 'w');
    try {
      await file.writeFile(`${JSON.stringify(content, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

export async function removeCheckpoint(output: string): Promise<void> {
  await rm(progressPath(output), { force: true });
}

/**
 * What an export that goes on must have in common with the one that began. `7d` is the same as `7d` of yesterday, and
 * means what it meant then; a date or time must be that of then.
 *
 * @throws UsageError naming every difference
 */
export function assertSameExport(output: string, { asked, range }: Checkpoint, now: Asked): void {
  const wanted = describeAsked(now);
  const isSameTime = (before: string | null, given: GivenTime | undefined, meant: string) =>
    before === (given ? timeAsked(given) : null) ||
    (given?.isRelative === false && given.at.toISOString() === meant);
  const differences = [
    ...(isSameTime(asked.since, now.since, range.since)
      ? []
      : [difference('since', asked.since, wanted.since)]),
    ...(isSameTime(asked.until, now.until, range.until)
      ? []
      : [difference('until', asked.until, wanted.until)]),
    ...(['account', 'format', 'payload', 'excel'] as const)
      .filter((name) => asked[name] !== wanted[name])
      .map((name) => difference(name, asked[name], wanted[name])),
  ];
  if (differences.length === 0) return;
  throw new UsageError(
    `${output} is the beginning of another export: ${differences.join(', ')}. Finish that one with the arguments ` +
      'it was begun with, name another file, or begin anew with --overwrite.',
  );
}

function difference(name: string, before: string | boolean | null, now: string | boolean | null): string {
  const described = (value: string | boolean | null) =>
    value === null || value === false ? 'not given' : value === true ? 'given' : value;
  return `--${name} was ${described(before)} and is now ${described(now)}`;
}
