import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createSourceLoader } from '../../../src/replies/open.js';
import { runInProcess } from '../../support/command-line.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { newAccount, startService, startTestSimulator, testSettings } from '../../support/service.js';
import { sourceOptions } from '../../support/sources.js';
import { scratchDirectory } from '../../support/temporary-directory.js';
import { waitFor } from '../../support/wait.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const rulesSaying = (text: string) =>
  `rules:\n  - { name: hello, when: { keyword: 你好 }, answer: ${text} }\n`;

test('a file that REPLIES names answers users, and what is changed answers them within seconds', async () => {
  const file = path.join(scratchDirectory(), 'rules.yaml');
  writeFileSync(file, rulesSaying('您好'));
  const account = newAccount();
  const simulator = await startTestSimulator(account);
  onTestFinished(() => simulator.close());
  const sources = [await createSourceLoader()(file, sourceOptions())];
  const service = await startService({ account, simulator, databaseUrl: database.url, sources });
  onTestFinished(() => service.stop());

  const user = simulator.user('oUser');
  const hasRead = (text: string) => JSON.stringify(simulator.inboxOf('oUser')).includes(text);
  await user.say('你好');
  await waitFor('the answer', () => hasRead('您好'));
  writeFileSync(file, rulesSaying('早上好'));
  await waitFor('the new version', () => service.logged.filter(({ event }) => event === 'rules_in_force')[1]);
  await user.say('你好');
  await waitFor('the new answer', () => hasRead('早上好'));
  expect(service.logged).toContainEqual(expect.objectContaining({ event: 'rule_answered', rule: 'hello' }));
  const metrics = await (await fetch(`${service.adminUrl}/metrics`)).text();
  expect(metrics).toContain(`wechat_outbox_rule_answers_total{account="${account.appId}",rule="hello"}`);
});

test('a file that is not in order ends the start with exit code 2 and its place, and the process around is left alone', async () => {
  const listeners = process.listenerCount('message');
  const file = path.join(scratchDirectory(), 'rules.yaml');
  writeFileSync(file, 'rules:\n  - { when: { keyword: a } }\n');
  const account = newAccount();
  const simulator = { apiBase: 'http://127.0.0.1:9' } as never;
  const settings = testSettings({
    account,
    simulator,
    databaseUrl: database.url,
    settings: { REPLIES: file },
  });
  expect(await runInProcess(['start'], settings)).toMatchObject({
    ...{ code: 2, err: expect.stringContaining(`${file}:2:5: rules[0].answer is missing`) },
  });
  // Who runs a command in a process of theirs must be able to run another after it.
  expect(process.listenerCount('message')).toBe(listeners);
});
