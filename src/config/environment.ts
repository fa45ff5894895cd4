import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { problemOfDatabaseUrl, withPassword } from '../db/database-url.js';
import { describeError } from '../lib/describe-error.js';
import { problemOf } from './issues.js';
import type { SettingsProblem } from './problem.js';
import { secretNames } from './schema.js';

export type Environment = Record<string, string | undefined>;

/** Each issue with the name of its setting and, unless it is a secret, with its value. */
export function problemsOf(error: z.ZodError, given: Environment): SettingsProblem[] {
  return error.issues.map((issue) => {
    const name = String(issue.path[0]);
    const isSecret = secretNames.some((secret) => secret === name);
    const ofUrl = name === 'DATABASE_URL' ? problemOfDatabaseUrl(given[name] ?? '') : undefined;
    return ofUrl
      ? { code: 'databaseUrl', where: name, problem: ofUrl }
      : problemOf(issue, name, isSecret ? undefined : given[name]);
  });
}

/** Replaces each `NAME_FILE` by the trimmed contents of the file it names, and drops empty values. */
export function withSecretFiles(environment: Environment, problems: SettingsProblem[]): Environment {
  const given: Environment = {};
  for (const [name, value] of Object.entries(environment)) if (value) given[name] = value;
  for (const name of secretNames) {
    const file = given[`${name}_FILE`];
    if (!file) continue;
    if (given[name]) {
      problems.push({ code: 'bothSet', one: name, other: `${name}_FILE` });
      continue;
    }
    try {
      given[name] = readFileSync(file, 'utf8').trim();
    } catch (error) {
      problems.push({ code: 'unreadable', where: `${name}_FILE`, cause: describeError(error) });
    }
  }
  return given;
}

/** A password apart from the URL may have any characters. */
export function withDatabasePassword(given: Environment, problems: SettingsProblem[]): Environment {
  const { DATABASE_URL: url, DATABASE_PASSWORD: password } = given;
  if (password === undefined) return given;
  if (url === undefined) {
    problems.push({ code: 'passwordWithoutUrl' });
    return given;
  }
  const whole = withPassword(url, password);
  if (whole === undefined) problems.push({ code: 'twoPasswords' });
  return { ...given, DATABASE_URL: whole ?? url };
}
