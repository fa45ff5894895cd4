import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig, readDatabaseConfig } from '../../src/config/settings.js';
import { problemsOf } from '../support/settings-problems.js';
import { scratchDirectory } from '../support/temporary-directory.js';

const complete = {
  WECHAT_APP_ID: 'wx0123456789abcdef',
  WECHAT_APP_SECRET: 'secret',
  WECHAT_TOKEN: 'abc123',
  PUBLIC_URL: 'https://www.example.com/',
};

describe('the settings', () => {
  test('take the proxies as other programs do, and show no password of theirs', () => {
    const proxies = (given: Record<string, string>) => readConfig({ ...complete, ...given }).proxies;
    expect(proxies({ NO_PROXY: 'example.com' })).toBeUndefined();
    expect(
      proxies({ HTTPS_PROXY: 'http://large', https_proxy: 'proxy.example:3128', no_proxy: 'a, .b' }),
    ).toEqual({ http: '', https: 'http://proxy.example:3128', none: 'a, .b' });
    expect(problemsOf({ ...complete, HTTPS_PROXY: 'socks5://me:hunter2@proxy.example' })).toEqual([
      expect.stringMatching(/^HTTPS_PROXY must be an address such as http:[^(]*$/),
    ]);
    expect(problemsOf({ ...complete, WECHAT_API_IP_FAMILY: '5' })).toEqual([
      'WECHAT_API_IP_FAMILY must be 4, 6 or auto (it is "5")',
    ]);
  });

  test('have defaults for all that can have one', () => {
    expect(readConfig(complete)).toMatchObject({
      databaseUrl: undefined,
      port: 3000,
      adminPort: 3001,
      adminHost: '127.0.0.1',
      processes: 1,
      accounts: [
        {
          appId: 'wx0123456789abcdef',
          appSecret: 'secret',
          token: 'abc123',
          encodingAesKeys: [],
          name: '本公众号',
          publicUrl: 'https://www.example.com',
          accessTokenMode: 'stable',
          onUnknown: 'resend',
          onOverflow: 'cut',
          ordered: true,
          mergeWithinMs: 0,
          typingIndicator: false,
          sendRate: 0,
          windows: {
            message: { quota: 5, seconds: 172_800 },
            menu: { quota: 3, seconds: 60 },
            subscribe: { quota: 3, seconds: 60 },
            scan: { quota: 3, seconds: 60 },
          },
          jsapiOrigins: [],
        },
      ],
      apiBase: 'https://api.weixin.qq.com',
      logLevel: 'info',
      shutdownGraceMs: 25_000,
      replyConcurrency: 200,
      sendConcurrency: 200,
      retentionDays: 0,
    });
  });

  test('that are missing or wrong are all named at once, with what to do, and never with a secret', () => {
    const problems = problemsOf({
      DATABASE_URL: 'mysql://user:hunter2@localhost/x',
      PORT: '99999',
      WECHAT_TOKEN: 'no spaces allowed',
      LOG_LEVEL: 'loud',
      WECHAT_API_BASE: 'api.weixin.qq.com',
      REPLY_CONCURRENCY: '0',
      SEND_CONCURRENCY: 'many',
      SEND_RATE: '-1',
      RETENTION_DAYS: '40000',
    });
    const names = [
      'DATABASE_URL',
      'PORT',
      'WECHAT_API_BASE',
      'LOG_LEVEL',
      'REPLY_CONCURRENCY',
      'SEND_CONCURRENCY',
      'RETENTION_DAYS',
      'SEND_RATE',
      'WECHAT_APP_ID',
      'WECHAT_APP_SECRET',
      'WECHAT_TOKEN',
      'PUBLIC_URL',
    ];
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual(names);
    expect(problems.join('\n')).toContain('(it is "99999")');
    expect(problems.join('\n')).not.toMatch(/hunter2|no spaces allowed/);
  });

  test('of several processes need a database for all, and an admin port for each', () => {
    const databaseUrl = 'postgres://localhost/x';
    const several = { ...complete, PROCESSES: '3' };
    expect(readConfig({ ...several, DATABASE_URL: databaseUrl }).processes).toBe(3);
    expect(problemsOf(several)).toEqual([expect.stringContaining('PROCESSES above 1 needs DATABASE_URL')]);
    expect(problemsOf({ ...several, DATABASE_URL: databaseUrl, PORT: '3003' })).toEqual([
      expect.stringContaining('PORT 3003 is among the admin ports 3001 to 3003'),
    ]);
    expect(problemsOf({ ...several, DATABASE_URL: databaseUrl, ADMIN_PORT: '65534' })).toEqual([
      expect.stringContaining('admin ports up to 65536'),
    ]);
  });

  test('count as absent when empty', () => {
    expect(problemsOf({ ...complete, WECHAT_APP_SECRET: '' })).toEqual([
      expect.stringContaining('WECHAT_APP_SECRET is missing'),
    ]);
    expect(readConfig({ ...complete, PORT: '' }).port).toBe(3000);
  });

  test('take a secret from a file, but not from both', () => {
    const file = path.join(scratchDirectory(), 'secret');
    writeFileSync(file, 'from the file\n');
    const { WECHAT_APP_SECRET: _, ...rest } = complete;
    expect(readConfig({ ...rest, WECHAT_APP_SECRET_FILE: file }).accounts[0].appSecret).toBe('from the file');
    expect(problemsOf({ ...complete, WECHAT_APP_SECRET_FILE: file })).toEqual([
      expect.stringContaining('both set'),
    ]);
    expect(problemsOf({ ...rest, WECHAT_APP_SECRET_FILE: '/nowhere' })).toContainEqual(
      expect.stringContaining('WECHAT_APP_SECRET_FILE cannot be read'),
    );
  });

  test('need no PUBLIC_URL where the replies are the user’s own', () => {
    const { PUBLIC_URL: _, ...rest } = complete;
    expect(readConfig({ ...rest, REPLIES: './replies.js' }).accounts[0].replies).toEqual(['./replies.js']);
  });

  test('of the database suffice for migrating', () => {
    expect(readDatabaseConfig({ DATABASE_URL: 'postgres://localhost/x' }).databaseUrl).toBe(
      'postgres://localhost/x',
    );
    expect(() => readDatabaseConfig({ DATABASE_URL: 'nonsense' })).toThrow(ConfigError);
  });
});
