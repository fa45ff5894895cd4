import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/settings.js';
import { problemsOf as problemsIn } from '../support/settings-problems.js';
import { scratchDirectory } from '../support/temporary-directory.js';

const key = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG';

function write(name: string, content: string): string {
  const file = path.join(scratchDirectory(), name);
  writeFileSync(file, content);
  return file;
}

const problemsOf = (environment: Record<string, string>) => problemsIn(environment).join('\n');

const secrets = { WX1_SECRET: 's1', WX1_TOKEN: 'token1', WX1_KEY: key, WX2_TOKEN: 'token2' };

const yaml = `
accounts:
  - appId: wx1
    appSecret: { env: WX1_SECRET }
    token: { env: WX1_TOKEN }
    encodingAesKey: { env: WX1_KEY }
    requireEncryption: true
    componentAppId: wxcomponent
    name: 晨光书店
    replies: ./replies/one.js
    accessTokenMode: classic
    onUnknown: hold
    onOverflow: refuse
    ordered: false
    mergeWithin: 2.5
    typingIndicator: true
    sendRate: 50
    windows: { message: 20/48h }
    userLimit: [10/1m, 200/1d]
    limitNotice: off
    jsapiOrigins: [https://www.example.com]
  - appId: wx2
    appSecret: { file: secret.txt }
    token: { env: WX2_TOKEN }
`;

test('accounts come from a file, with secrets by reference, and the settings as their defaults', () => {
  const file = write('accounts.yaml', yaml);
  writeFileSync(path.join(path.dirname(file), 'secret.txt'), 's2\n');
  const { accounts } = readConfig({
    ACCOUNTS_FILE: file,
    ...secrets,
    PUBLIC_URL: 'https://static.example.com',
    WINDOW_MENU: '4/90s',
  });
  expect(accounts).toEqual([
    {
      appId: 'wx1',
      appSecret: 's1',
      token: 'token1',
      encodingAesKeys: [key],
      requireEncryption: true,
      componentAppId: 'wxcomponent',
      cloudHosting: 'off',
      name: '晨光书店',
      publicUrl: 'https://static.example.com',
      replies: [path.join(path.dirname(file), 'replies/one.js')],
      accessTokenMode: 'classic',
      onUnknown: 'hold',
      onOverflow: 'refuse',
      ordered: false,
      mergeWithinMs: 2_500,
      typingIndicator: true,
      sendRate: 50,
      windows: {
        message: { quota: 20, seconds: 172_800 },
        menu: { quota: 4, seconds: 90 },
        subscribe: { quota: 3, seconds: 60 },
        scan: { quota: 3, seconds: 60 },
      },
      userLimits: [
        { quota: 10, seconds: 60 },
        { quota: 200, seconds: 86_400 },
      ],
      limitNotice: '',
      jsapiOrigins: ['https://www.example.com'],
    },
    expect.objectContaining({ appId: 'wx2', appSecret: 's2', onUnknown: 'resend', replies: [] }),
  ]);
});

test('the file may be JSON', () => {
  const file = write(
    'accounts.json',
    JSON.stringify({
      accounts: [{ appId: 'wx1', appSecret: { env: 'WX1_SECRET' }, token: { env: 'WX1_TOKEN' } }],
    }),
  );
  const { accounts } = readConfig({ ACCOUNTS_FILE: file, ...secrets, PUBLIC_URL: 'https://x.example' });
  expect(accounts.map(({ appId }) => appId)).toEqual(['wx1']);
});

test.each<[string, string, string]>([
  [
    'a secret that is written there',
    'accounts: [{ appId: wx1, appSecret: hunter2, token: { env: WX1_TOKEN } }]',
    'accounts[0].appSecret must say where the secret is: { env: NAME } or { file: path }',
  ],
  [
    'a misspelt setting',
    'accounts: [{ appId: wx1, appSecret: { env: WX1_SECRET }, token: { env: WX1_TOKEN }, onUnkown: hold }]',
    'accounts[0] has unknown entries: onUnkown',
  ],
  [
    'what takes no signature and wants encryption',
    'accounts: [{ appId: wx1, appSecret: { env: WX1_SECRET }, token: { env: WX1_TOKEN }, encodingAesKey: { env: WX1_KEY }, requireEncryption: true, cloudHosting: on, publicUrl: "https://x.example" }]',
    'accounts[0] (wx1).cloudHosting takes pushes without a signature',
  ],
  ['no account', 'accounts: []', 'accounts must name at least one account'],
  ['something else', 'hello', 'must have the list "accounts"'],
  ['broken YAML', 'accounts: [', 'cannot be read'],
  [
    'an account twice',
    `accounts: [${'{ appId: wx1, appSecret: { env: WX1_SECRET }, token: { env: WX1_TOKEN } },'.repeat(2)}]`,
    'accounts[1] (wx1) is named twice',
  ],
  [
    'a variable that is not set',
    'accounts: [{ appId: wx1, appSecret: { env: NOWHERE }, token: { env: WX1_TOKEN } }]',
    'accounts[0] (wx1).appSecret: the environment has no NOWHERE',
  ],
  [
    'a file that is not there',
    'accounts: [{ appId: wx1, appSecret: { file: ./nowhere }, token: { env: WX1_TOKEN } }]',
    'accounts[0] (wx1).appSecret cannot be read',
  ],
  [
    'a token that is none',
    'accounts: [{ appId: wx1, appSecret: { env: WX1_SECRET }, token: { env: BAD_TOKEN } }]',
    'accounts[0] (wx1).token must be 3 to 32 letters or digits',
  ],
  [
    'encryption required without a key',
    'accounts: [{ appId: wx1, appSecret: { env: WX1_SECRET }, token: { env: WX1_TOKEN }, requireEncryption: true }]',
    'accounts[0] (wx1).encodingAesKey is missing',
  ],
  [
    'a window in words',
    'accounts: [{ appId: wx1, appSecret: { env: WX1_SECRET }, token: { env: WX1_TOKEN }, windows: { scan: often } }]',
    'accounts[0].windows.scan must be messages/time, e.g. 5/48h or 3/60s',
  ],
  [
    'an origin with a path',
    'accounts: [{ appId: wx1, appSecret: { env: WX1_SECRET }, token: { env: WX1_TOKEN }, jsapiOrigins: [https://x.example/a] }]',
    'accounts[0].jsapiOrigins[0] must be an origin such as https://www.example.com, without a path',
  ],
])('%s is refused, by its place and without a secret', (_name, content, problem) => {
  const given = { ...secrets, BAD_TOKEN: 'hunter 2', PUBLIC_URL: 'https://x.example' };
  const problems = problemsOf({ ACCOUNTS_FILE: write('accounts.yaml', content), ...given });
  expect(problems).toContain(problem);
  expect(problems).not.toContain('hunter');
});

test('the settings of the one account and the file exclude each other', () => {
  const file = write('accounts.yaml', yaml);
  expect(problemsOf({ ACCOUNTS_FILE: file, ...secrets, WECHAT_APP_ID: 'wx3' })).toContain(
    'WECHAT_APP_ID and ACCOUNTS_FILE are both set',
  );
});

test('the default replies need an address for each account', () => {
  const file = write('accounts.yaml', yaml);
  writeFileSync(path.join(path.dirname(file), 'secret.txt'), 's2');
  const problems = problemsOf({ ACCOUNTS_FILE: file, ...secrets });
  expect(problems).toContain('accounts[1] (wx2).publicUrl is missing');
  expect(problems).not.toContain('accounts[0]');
});
