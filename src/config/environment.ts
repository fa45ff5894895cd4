import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { withPassword } from '../db/database-url.js';
import { describeError } from '../lib/describe-error.js';
import { secretNames } from './schema.js';

export type Environment = Record<string, string | undefined>;

/** Each issue with the name of its setting and, unless it is a secret, with its value. */
export function describeIssues(error: z.ZodError, given: Environment): string[] {
  return error.issues.map(({ path, message }) => describeIssue(String(path[0]), given, message));
}

function describeIssue(name: string, given: Environment, message: string): string {
  const value = given[name];
  const isSecret = secretNames.some((secret) => secret === name);
  return value === undefined || isSecret
    ? `${name} ${message}`
    : `${name} ${message} (it is ${JSON.stringify(value)})`;
}

/** Replaces each `NAME_FILE` by the trimmed contents of the file it names, and drops empty values. */
export function withSecretFiles(environment: Environment, problems: string[]): Environment {
  const given: Environment = {};
  for (const [name, value] of Object.entries(environment)) if (value) given[name] = value;
  for (const name of secretNames) {
    const file = given[`${name}_FILE`];
    if (!file) continue;
    if (given[name]) {
      problems.push(`${name} and ${name}_FILE are both set: keep one of them`);
      continue;
    }
    try {
      given[name] = readFileSync(file, 'utf8').trim();
    } catch (error) {
      problems.push(`${name}_FILE cannot be read: ${describeError(error)}`);
    }
  }
  return given;
}

/** A password apart from the URL may have any characters. */
export function withDatabasePassword(given: Environment, problems: string[]): Environment {
  const { DATABASE_URL: url, DATABASE_PASSWORD: password } = given;
  if (password === undefined) return given;
  if (url === undefined) {
    problems.push('DATABASE_PASSWORD is set without DATABASE_URL: the embedded PostgreSQL has its own');
    return given;
  }
  const whole = withPassword(url, password);
  if (whole === undefined)
    problems.push('DATABASE_PASSWORD and a password in DATABASE_URL are both set: keep one of them');
  return { ...given, DATABASE_URL: whole ?? url };
}
