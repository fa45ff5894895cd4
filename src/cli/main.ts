#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { CommanderError } from 'commander';
import { createProgram } from './program.js';

/** Exit codes: 0 done, 1 it went wrong, 2 the call or the settings are wrong. */
const usageError = 2;

/** Settings of a .env file in the working directory; the environment wins over them. */
function environment(): Record<string, string | undefined> {
  let file = '';
  try {
    file = readFileSync('.env', 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  return { ...parseEnv(file), ...process.env };
}

function describeError(error: unknown): { message: string; exitCode: number } {
  if (!(error instanceof Error)) return { message: String(error), exitCode: 1 };
  const code = 'code' in error ? error.code : undefined;
  if (code === 'CONFIG' || code === 'REPLIES' || code === 'USAGE')
    return { message: error.message, exitCode: usageError };
  const message =
    error instanceof AggregateError && error.message === '' ? error.errors.join('; ') : error.message;
  return { message, exitCode: 1 };
}

try {
  await createProgram({ environment }).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : usageError;
  } else {
    const { message, exitCode } = describeError(error);
    process.stderr.write(`wechat-outbox: ${message}\n`);
    process.exitCode = exitCode;
  }
}
