import { writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { readDatabaseConfig } from '../../src/config/settings.js';
import { clientConfigOf, problemOfDatabaseUrl } from '../../src/db/database-url.js';
import { problemsOf } from '../support/settings-problems.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

describe('a DATABASE_URL is taken in every form that people have', () => {
  test.each([
    'postgres://user:password@localhost:5432/wechat',
    'postgresql://user@db.example.com/wechat?sslmode=require',
    'postgres://user@/wechat?host=/cloudsql/project:region:name',
    'postgres://user:p%23ss@/wechat?host=/var/run/postgresql',
    'postgres:///wechat?host=/var/run/postgresql&user=me',
    'postgres://%2Fvar%2Frun%2Fpostgresql/wechat',
    'postgres://user:p%2Fa%3Fs%40s@[::1]:5432/wechat',
    'postgres://user:p@ss@localhost/wechat',
    'postgres://user:password@localhost/wechat?application_name=a@b',
  ])('%s', (url) => {
    expect(problemOfDatabaseUrl(url)).toBe(undefined);
  });

  test('the parts are those that are meant', () => {
    const parts = (url: string) => {
      const { user, password, host, port, database } = new pg.Client(clientConfigOf(url));
      return { user, password, host, port, database };
    };
    expect(parts('postgres://user:p%23s%2Fs@/wechat?host=/socket/dir')).toMatchObject({
      user: 'user',
      password: 'p#s/s',
      host: '/socket/dir',
      database: 'wechat',
    });
    expect(parts('postgres://user:p@ss@host:5433/wechat')).toEqual({
      user: 'user',
      password: 'p@ss',
      host: 'host',
      port: 5433,
      database: 'wechat',
    });
  });
});

describe('what is wrong with a DATABASE_URL is named, and the password is not', () => {
  test.each([
    ['postgres://user:secret/pass@localhost/wechat', /has \/ .* write %2F/],
    ['postgres://user:12/pass@localhost/wechat', /has \/ .* write %2F/],
    ['postgres://user:a@secret/pass@localhost/wechat', /has \/ .* write %2F/],
    ['postgres://user:secret#pass@localhost/wechat', /has # .* write %23/],
    ['postgres://user:secret?pass@localhost/wechat', /has \? .* write %3F/],
    ['postgres://user:secret%e4pass@localhost/wechat', /write %25/],
    ['mysql://user:secret@localhost/wechat', /must be a URL such as postgres:/],
    ['secret', /must be a URL such as postgres:/],
    ['postgres://user@localhost/wechat?sslmode=verify-full&sslrootcert=/nowhere/ca.pem', /nowhere\/ca\.pem/],
  ])('%s', (url, words) => {
    const [problem] = problemsOf({ DATABASE_URL: url }, { read: readDatabaseConfig });
    expect(problem).toMatch(words);
    expect(problem).not.toMatch(/secret|pass@/);
    expect(JSON.stringify(problemOfDatabaseUrl(url))).not.toMatch(/secret|pass@/);
  });
});

test('sslmode means what it means to psql', async () => {
  const ca = path.join(await temporaryDirectory(), 'ca.pem');
  writeFileSync(ca, 'a certificate');
  const tls = (query: string) =>
    new pg.Client(clientConfigOf(`postgres://user@localhost/wechat?${query}`)).ssl;
  expect(tls('sslmode=disable')).toBe(false);
  expect(tls('sslmode=require')).toMatchObject({ rejectUnauthorized: false });
  expect(tls(`sslmode=verify-full&sslrootcert=${ca}`)).toEqual({ ca: 'a certificate' });
});
