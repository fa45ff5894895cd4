import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/settings.js';
import { problemsOf } from '../support/settings-problems.js';
import { scratchDirectory } from '../support/temporary-directory.js';

const complete = {
  WECHAT_APP_ID: 'wx0123456789abcdef',
  WECHAT_APP_SECRET: 'secret',
  WECHAT_TOKEN: 'abc123',
};
const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;
const back = { ...complete, REPLIES: 'https://back-end.example/reply', REPLIES_HTTP_SECRET: secretOf(1) };

test('a back end needs a secret, and has settings of its own', () => {
  const { accounts, httpReplies } = readConfig({ ...back, REPLIES_HTTP_SECRET_PREVIOUS: secretOf(2) });
  expect(accounts[0]).toMatchObject({
    replies: ['https://back-end.example/reply'],
    httpReplySecrets: [secretOf(1), secretOf(2)],
  });
  expect(httpReplies).toEqual({
    timeoutMs: 10_000,
    allowPrivateAddresses: false,
    turns: 10,
    callbackUrl: undefined,
    callbackWaitMs: 600_000,
  });
});

test.each([
  [{ REPLIES_HTTP_SECRET: '' }, /^REPLIES_HTTP_SECRET is missing: .*whsec_/],
  [{ REPLIES_HTTP_SECRET: 'whsec_c2hvcnQ=' }, /^REPLIES_HTTP_SECRET must be whsec_ and 24 to 64 bytes/],
  [{ REPLIES_HTTP_SECRET: 'a secret of mine' }, /^REPLIES_HTTP_SECRET must be whsec_[^(]*\(openssl[^(]*$/],
  [{ REPLIES: 'http://' }, /^REPLIES must be an http\(s\) URL/],
  [{ REPLIES: 'http://127.0.0.1:8000/' }, /^REPLIES leads to 127\.0\.0\.1:8000, .*REPLIES_HTTP_PRIVATE=true/],
  [{ REPLIES: './replies.js, http://localhost/' }, /^REPLIES leads to localhost/],
  [{ REPLIES_HTTP_TIMEOUT: '60' }, /^REPLIES_HTTP_TIMEOUT must be less than REPLY_TIMEOUT$/],
  [{ REPLIES_HTTP_TIMEOUT: '0' }, /^REPLIES_HTTP_TIMEOUT must be a number of seconds from 1 on/],
  [{ REPLIES_HTTP_TURNS: '101' }, /^REPLIES_HTTP_TURNS must be a number of turns, 0 to 100/],
  [{ REPLIES_CALLBACK_URL: 'example.com' }, /^REPLIES_CALLBACK_URL must be an http\(s\) URL/],
])('what is wrong is told: %o', (more, problem) => {
  expect(problemsOf({ ...back, ...more })).toEqual([expect.stringMatching(problem)]);
});

test('time limits of back ends that nobody names are nobody’s concern', () => {
  expect(problemsOf({ ...complete, REPLIES: './replies.js', REPLY_TIMEOUT: '5' })).toEqual([]);
});

test('an account of a file may have a secret of its own, by reference', () => {
  const directory = scratchDirectory();
  const file = path.join(directory, 'accounts.yaml');
  writeFileSync(path.join(directory, 'secret.txt'), `${secretOf(3)}\n`);
  const account = (appId: string, more: object) => ({
    ...{ appId, appSecret: { env: 'A_SECRET' }, token: { env: 'A_TOKEN' } },
    ...{ replies: ['https://back-end.example/a', 'https://back-end.example/b'], ...more },
  });
  const write = (...accounts: object[]) => writeFileSync(file, JSON.stringify({ accounts }));
  const given = { A_SECRET: 's', A_TOKEN: 'token1', ACCOUNTS_FILE: file };
  write(
    account('wx1', {
      repliesHttpSecret: { file: 'secret.txt' },
      repliesHttpSecretPrevious: { env: 'BEFORE' },
    }),
    account('wx2', {}),
  );
  const { accounts } = readConfig({ ...given, BEFORE: secretOf(4), REPLIES_HTTP_SECRET: secretOf(5) });
  expect(accounts.map(({ httpReplySecrets }) => httpReplySecrets)).toEqual([
    [secretOf(3), secretOf(4)],
    [secretOf(5)],
  ]);
  write(account('wx1', {}), account('wx2', { repliesHttpSecret: { env: 'A_SECRET' } }));
  expect(problemsOf(given)).toEqual([
    expect.stringContaining('accounts[1] (wx2).repliesHttpSecret must be whsec_'),
  ]);
  write(account('wx1', { replies: 'http://10.1.2.3/', repliesHttpSecret: { file: 'secret.txt' } }));
  expect(problemsOf(given)).toEqual([expect.stringContaining('accounts[0] (wx1).replies leads to 10.1.2.3')]);
});
