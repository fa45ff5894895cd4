#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { runCommandLine } from './program.js';
import { parentProcess } from './start/processes.js';
import type { Environment } from './terminal/context.js';
import { untilSignal } from './terminal/signals.js';

process.exitCode = await runCommandLine({
  args: process.argv.slice(2),
  environment: readEnvironment,
  input: () => process.stdin,
  out: process.stdout,
  err: process.stderr,
  host: { untilSignal, exit: (code) => process.exit(code), parent: parentProcess },
});

/** Settings of a .env file in the working directory; the environment wins over them. */
function readEnvironment(): Environment {
  let file = '';
  try {
    file = readFileSync('.env', 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  return { ...parseEnv(file), ...process.env };
}
