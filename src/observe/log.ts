import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { scrub } from '../lib/scrub.js';

export type Logger = PinoLogger;

/** Fields that hold secrets or what users wrote; they are replaced wherever they appear, one level deep too. */
const hidden = [
  'secret',
  'appSecret',
  'app_secret',
  'token',
  'access_token',
  'ticket',
  'signature',
  'echostr',
  'content',
  'payload',
  'body',
  'databaseUrl',
  'connectionString',
  'password',
  'authorization',
];

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** JSON lines on standard output: one wide line an event, fields in snake_case. */
export function createLogger(level: LogLevel, destination: DestinationStream = standardOutput()): Logger {
  const options = {
    level,
    base: { service: 'wechat-outbox', pid: process.pid },
    timestamp: createTimestamp(),
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
    redact: { paths: hidden.flatMap((name) => [name, `*.${name}`]), censor: '[hidden]' },
    // As standardOutput() takes them.
    hooks: { streamWrite: (line: string) => Buffer.from(line) as unknown as string },
  };
  return pino(options, destination);
}

/** ISO 8601 in UTC, to the millisecond. A second is written out once, and shared by all of its lines. */
function createTimestamp(): () => string {
  let second = Number.NaN;
  let untilPoint = '';
  return () => {
    const now = Date.now();
    const milliseconds = now % 1_000;
    if (now - milliseconds !== second) {
      second = now - milliseconds;
      untilPoint = new Date(second).toISOString().slice(0, -'000Z'.length);
    }
    return `,"time":"${untilPoint}${String(milliseconds).padStart(3, '0')}Z"`;
  };
}

/** How long a line may wait for others: what is lost with a process that is killed. */
const flushEveryMs = 200;

/**
 * Lines are written some kilobytes at a time, beside the event loop. pino writes what waits when the process ends,
 * by whatever end but SIGKILL. A reader that stands still may hold up so many bytes, no more: then lines are dropped.
 *
 * They are collected as bytes. As text, each line would be joined to those that wait, and what waits measured anew for
 * each (docs/performance.md).
 */
function standardOutput(): DestinationStream {
  return pino.destination({
    dest: 1,
    sync: false,
    minLength: 4_096,
    periodicFlush: flushEveryMs,
    maxLength: 64 * 1024 * 1024,
    maxWrite: 64 * 1024,
    contentMode: 'buffer',
  });
}

/**
 * What an error says of itself, and no more of what it carries: Postgres's `detail` quotes the row that it refused, with
 * all that a user wrote.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return scrub(String(error));
  const { name, message, stack, cause } = error;
  return {
    type: name,
    message: scrub(message),
    code: 'code' in error ? error.code : undefined,
    stack: stack && scrub(stack),
    cause: cause === undefined ? undefined : describeError(cause),
    errors: error instanceof AggregateError ? error.errors.map(describeError) : undefined,
  };
}
