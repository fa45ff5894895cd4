import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig, readDatabaseConfig } from '../../src/config/settings.js';
import { clientConfigOf } from '../../src/db/database-url.js';
import { problemsOf as problemsIn } from '../support/settings-problems.js';
import { scratchDirectory } from '../support/temporary-directory.js';

function partsOf(environment: Record<string, string>) {
  const { databaseUrl = '' } = readDatabaseConfig(environment);
  const { user, password, host, port, database } = new pg.Client(clientConfigOf(databaseUrl));
  return { user, password, host, port, database };
}

const problemsOf = (environment: Record<string, string>) =>
  problemsIn(environment, { read: readDatabaseConfig });

/** The service's environment as compose makes it, with the variables of .env put in. */
function composed(variables: Record<string, string>): Record<string, string> {
  const file = new URL('../../docker-compose.yml', import.meta.url);
  const { services } = parse(readFileSync(file, 'utf8')) as {
    services: Record<'postgres' | 'service', { environment: Record<string, string | number> }>;
  };
  const put = (value: string | number) =>
    String(value).replace(
      /\$\{(\w+):-(.*?)\}/g,
      (_all, name: string, fallback: string) => variables[name] ?? fallback,
    );
  return Object.fromEntries(
    Object.entries(services.service.environment).map(([name, value]) => [name, put(value)]),
  );
}

describe('DATABASE_PASSWORD', () => {
  test('may have any characters, and in docker-compose POSTGRES_PASSWORD may', () => {
    const passwords = fc.oneof(
      fc.constantFrom('a/b', 'a#b', 'a?b', 'a%b', 'a@b', ':', '%41', 'pa ss', '$&', '密码', "it's"),
      fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\0')),
    );
    fc.assert(
      fc.property(passwords, (password) => {
        expect(partsOf(composed({ POSTGRES_PASSWORD: password }))).toEqual({
          user: 'wechat',
          password,
          host: 'postgres',
          port: 5432,
          database: 'wechat',
        });
      }),
    );
    expect(partsOf(composed({}))).toMatchObject({ password: 'wechat' });
  });

  test.each([
    ['postgres://me@/db?host=/socket/dir', { user: 'me', host: '/socket/dir', database: 'db' }],
    ['postgres://me:@db.example/db', { user: 'me', host: 'db.example', database: 'db' }],
    ['postgresql://db.example:6432/db?user=me', { user: 'me', host: 'db.example', database: 'db' }],
    ['postgres:///db?host=/socket/dir&user=me', { user: 'me', host: '/socket/dir', database: 'db' }],
    ['postgres://me@[::1]:5432/db?sslmode=require', { user: 'me', host: '::1', database: 'db' }],
  ])('goes into %s', (DATABASE_URL, parts) => {
    expect(partsOf({ DATABASE_URL, DATABASE_PASSWORD: 'a/b@c' })).toMatchObject({
      ...parts,
      password: 'a/b@c',
    });
  });

  test('comes from a file as other secrets do, for the service as well', () => {
    const file = path.join(scratchDirectory(), 'password');
    writeFileSync(file, 'a#b\n');
    const given = { DATABASE_URL: 'postgres://me@db.example/db', DATABASE_PASSWORD_FILE: file };
    expect(partsOf(given).password).toBe('a#b');
    const account = { WECHAT_APP_ID: 'wx1', WECHAT_APP_SECRET: 's', WECHAT_TOKEN: 'abc', REPLIES: './x.js' };
    expect(readConfig({ ...given, ...account }).databaseUrl).toBe('postgres://me:a%23b@db.example/db');
  });

  test('is one too many beside a password in the URL, and of no use without a URL', () => {
    const both = [expect.stringMatching(/^DATABASE_PASSWORD .*both/)];
    const DATABASE_PASSWORD = 'hunter2';
    expect(problemsOf({ DATABASE_URL: 'postgres://me:x@db.example/db', DATABASE_PASSWORD })).toEqual(both);
    expect(problemsOf({ DATABASE_URL: 'postgres://db.example/db?password=x', DATABASE_PASSWORD })).toEqual(
      both,
    );
    expect(problemsOf({ DATABASE_PASSWORD })).toEqual([
      expect.stringMatching(/^DATABASE_PASSWORD .*DATABASE_URL/),
    ]);
    expect(problemsOf({ DATABASE_URL: 'mysql://me@db.example', DATABASE_PASSWORD }).join()).not.toContain(
      'hunter2',
    );
  });
});
