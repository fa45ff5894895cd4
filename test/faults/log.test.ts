import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type Command, runCommand } from '../support/processes.js';
import { testSettings } from '../support/service.js';
import { type Stage, setStage, settled } from '../support/stage.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';

/** The service as a process of its own, with this reply logic, at the level that tells most. */
async function run(
  { account, simulator, database }: Stage,
  replies: string,
  settings: Record<string, string> = {},
): Promise<Command> {
  const folder = scratchDirectory();
  writeFileSync(path.join(folder, 'replies.mjs'), `export const replies = ${replies}`);
  const command = runCommand(
    ['start'],
    testSettings({
      account,
      simulator,
      databaseUrl: database.url,
      settings: { LOG_LEVEL: 'debug', REPLIES: './replies.mjs', ...settings },
    }),
    folder,
  );
  const { webhook_port: port } = await command.event('started');
  simulator.setWebhookUrl(`http://127.0.0.1:${port}/wechat`);
  return command;
}

const eventsOf = ({ lines }: Command, event: string) =>
  lines.filter((line) => line.includes(`"event":"${event}"`));

test('secrets and what people write never reach the log, whatever goes wrong', async () => {
  const key = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG';
  const stage = await setStage({}, { token: 'SIGNTOKEN', encodingAesKey: key });
  const { simulator, database, account } = stage;
  account.token = 'SIGNTOKEN';
  const command = await run(
    stage,
    `async ({ message, log }) => {
      log.info({ event: 'told', content: message.content, message: { content: message.content } }, 'told');
      const detail = 'Failing row contains (' + message.content + ')';
      log.error({ event: 'failing', err: Object.assign(new Error('refused'), { detail, code: '23505' }) }, 'failing');
      return 'REPLYWORDS to ' + message.content;
    }`,
    { WECHAT_ENCODING_AES_KEY: key },
  );
  const token = await simulatedToken(stage);
  const page = `<p>/cgi-bin/message/custom/send?access_token=${token}&x=1 was not found</p>`;
  simulator.faults.add({ fault: { malformed: page } });
  simulator.faults.add({ fault: { errcode: 40001 } });
  await simulator.user('oUser').say('USERWORDS');
  await settled(database, 1);
  // A database that refuses the row quotes it in its error.
  await database.pool.query(
    `alter table wechat.inbound_message add constraint refusing check (openid <> 'oRefused') not valid`,
  );
  simulator.user('oRefused').say('USERWORDS');
  await command.event('store_failed');
  await command.event('push_not_stored');
  const url = `http://127.0.0.1:${JSON.parse(eventsOf(command, 'started')[0] ?? '{}').webhook_port}/wechat`;
  await fetch(`${url}?signature=5EEN&timestamp=1&nonce=1`, { method: 'POST', body: '<xml>USERWORDS</xml>' });
  await command.event('push_refused');
  command.child.kill('SIGTERM');
  expect(await command.exited).toBe(0);

  const written = [...command.lines, ...command.errors].join('\n');
  const password = new URL(database.url).password;
  const secrets = ['USERWORDS', 'REPLYWORDS', 'SIGNTOKEN', '5EEN', key, account.appSecret, token, password];
  for (const secret of secrets.filter((each) => each !== ''))
    expect(written.includes(secret), `${secret} in the log`).toBe(false);
  expect(simulator.inboxOf('oUser').at(-1)?.text).toBe('REPLYWORDS to USERWORDS');

  // Nor was it left out that something happened; and each line says which push it is about.
  const [told, failing, push, ...attempts] = ['told', 'failing', 'push', 'attempt']
    .flatMap((event) => eventsOf(command, event))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(attempts.map(({ outcome }) => outcome)).toEqual(['unknown', 'token', 'sent']);
  expect(attempts[0]?.errmsg).toContain('access_token=[hidden]&x=1 was not found');
  for (const line of [told, failing, ...attempts]) expect(line?.request_id).toBe(push?.request_id);
  expect(failing?.err).toMatchObject({ message: 'refused', code: '23505' });
});

test('the log is whole at the end of the process, and lines do not wait long while it lives', async () => {
  const stage = await setStage();
  const { simulator, database } = stage;
  const command = await run(stage, `() => 'hi'`);
  const users = Array.from({ length: 100 }, (_, index) => simulator.user(`o${index}`));
  const pushes = await Promise.all(users.map((user) => user.say('hello')));
  await settled(database, 100);
  command.child.kill('SIGTERM');
  expect(await command.exited).toBe(0);
  // On a slow machine the platform may have lost its patience with some, and tried again.
  expect(eventsOf(command, 'push')).toHaveLength(pushes.flatMap(({ tries }) => tries).length);
  expect(eventsOf(command, 'attempt')).toHaveLength(100);
  expect(command.lines.at(-1)).toContain('"event":"stopped"');

  const another = await run(stage, `() => 'hi'`);
  await simulator.user('oUser').say('hello');
  await simulator.waitForDelivered('oUser', 1);
  const since = performance.now();
  await waitFor('the line', () => eventsOf(another, 'attempt').length === 1);
  expect(performance.now() - since).toBeLessThan(1_000);
  another.child.kill('SIGKILL');
});

test('the log is whole when the process ends by an error that nobody caught', async () => {
  const stage = await setStage();
  const command = await run(
    stage,
    `({ log }) => {
      for (let line = 1; line <= 500; line += 1) log.info({ event: 'before', line }, 'before');
      setTimeout(() => { throw new Error('nobody catches this'); });
      return 'hi';
    }`,
  );
  stage.simulator.user('oUser').say('hello');
  expect(await command.exited).not.toBe(0);
  expect(eventsOf(command, 'before')).toHaveLength(500);
  expect(command.errors.join('\n')).toContain('nobody catches this');
});

/** The access token in force. */
async function simulatedToken({ simulator, account }: Stage): Promise<string> {
  const { appId, appSecret } = account;
  const response = await fetch(`${simulator.apiBase}/cgi-bin/stable_token`, {
    method: 'POST',
    body: JSON.stringify({ grant_type: 'client_credential', appid: appId, secret: appSecret }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}
