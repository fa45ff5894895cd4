#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runCommandLine } from './program.js';
import { parentProcess } from './start/processes.js';
import type { Environment } from './terminal/context.js';
import { untilSignal } from './terminal/signals.js';

// V8 takes what lives long while connections are opened for what always will, and makes it old from birth; once dead, it
// keeps alive what young objects it names until all of the heap is collected. Pauses get three times as long by that.
setFlagsFromString('--no-allocation-site-pretenuring');

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
