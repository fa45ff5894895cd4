import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { clientConfigOf, problemOfDatabaseUrl } from '../../src/db/database-url.js';
import { urlsOfHosts } from '../../src/db/hosts.js';

describe('a DATABASE_URL with several hosts', () => {
  test.each([
    [
      'postgres://me:p%2Cw@one:5433,two/wechat?target_session_attrs=read-write',
      [
        ['one', 5433],
        ['two', 5432],
      ],
    ],
    [
      'postgresql://me@one,two,[::1]:5434/wechat',
      [
        ['one', 5432],
        ['two', 5432],
        ['::1', 5434],
      ],
    ],
    [
      'postgres://me@/wechat?host=one,/run/postgresql&port=5433,5434',
      [
        ['one', 5433],
        ['/run/postgresql', 5434],
      ],
    ],
    [
      'postgres://me@/wechat?port=6432&host=one%2Ctwo&target_session_attrs=primary',
      [
        ['one', 6432],
        ['two', 6432],
      ],
    ],
  ])('%s', (url, servers) => {
    expect(problemOfDatabaseUrl(url)).toBe(undefined);
    const clients = (urlsOfHosts(url) ?? []).map((one) => new pg.Client(clientConfigOf(one)));
    expect(clients.map(({ host, port }) => [host, port])).toEqual(servers);
    for (const { user, database } of clients) expect([user, database]).toEqual(['me', 'wechat']);
  });

  test('keeps its password for each of them', () => {
    const [, second = ''] = urlsOfHosts('postgres://me:p@s,s@one,two:5433/wechat') ?? [];
    expect(new pg.Client(clientConfigOf(second))).toMatchObject({
      password: 'p@s,s',
      host: 'two',
      port: 5433,
    });
  });

  test('leaves one host as it is', () => {
    const url = 'postgres://me:a,b@one:5433/wechat?host=/socket/dir&application_name=a@b';
    expect(urlsOfHosts(url)).toEqual([url]);
  });

  test.each([
    ['postgres://me@one,/wechat', 'hosts'],
    ['postgres://me@/wechat?host=one,two,three&port=5433,5434', 'hosts'],
    ['postgres://me@one,two/wechat?target_session_attrs=any', 'readOnly'],
    ['postgres://me@one/wechat?target_session_attrs=prefer-standby', 'readOnly'],
  ])('is refused where it is wrong: %s', (url, kind) => {
    expect(problemOfDatabaseUrl(url)).toEqual({ kind });
  });
});
