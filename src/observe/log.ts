import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import type { LogLevel } from '../config.js';

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

/** JSON lines on standard output: one wide line an event, fields in snake_case. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { service: 'wechat-outbox', pid: process.pid },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: hidden.flatMap((name) => [name, `*.${name}`]), censor: '[hidden]' },
  };
  return destination ? pino(options, destination) : pino(options);
}
