import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createMetrics } from '../../../src/observe/metrics.js';
import { createSourceLoader } from '../../../src/replies/open.js';
import { loadRules } from '../../../src/replies/rules/source.js';
import { changeRules, listVersions } from '../../../src/replies/rules/versions.js';
import { type LoadedSource, type ReplySource, sourceOf } from '../../../src/replies/source.js';
import { secret, startBackEnd } from '../../support/back-end.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { textMessage } from '../../support/messages.js';
import { replyContext } from '../../support/reply-context.js';
import { sourceOptions, sourceServices } from '../../support/sources.js';
import { scratchDirectory } from '../../support/temporary-directory.js';
import { waitFor } from '../../support/wait.js';

let database: TestDatabase;
let files = 0;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const rulesSaying = (answer: string) =>
  `rules:\n  - { name: one, when: { type: text }, answer: ${answer} }\n`;

/** A file of a name that no other test has: versions are known by it. */
function newFile(text: string): string {
  files++;
  const file = path.join(scratchDirectory(), `rules-${files}.yaml`);
  writeFileSync(file, text);
  return file;
}

interface Process {
  source: ReplySource;
  logged: Record<string, unknown>[];
  metrics: ReturnType<typeof createMetrics>;
  say(content?: string): Promise<unknown>;
}

/** What one worker process has of these rules. */
async function startProcess(
  file: string,
  loadSource: (entry: string) => Promise<LoadedSource> = () => Promise.reject(new Error('no source')),
): Promise<Process> {
  const logged: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) });
  const metrics = createMetrics(['wx1']);
  const loaded = await loadRules(file, { loadSource, pauseMs: 20 });
  const source = await loaded.open(
    sourceServices({ httpReplySecrets: [secret], pool: database.pool, log, metrics }),
  );
  onTestFinished(() => source.close());
  const say = async (content = 'hi') => source.answer(replyContext(textMessage({ content }), { log }));
  return { source, logged, metrics, say };
}

const saysSoon = (process: Process, content: string) =>
  waitFor(`the answer ${content}`, async () => JSON.stringify(await process.say()).includes(content));
const versionsOf = async (file: string) =>
  (await listVersions(database.pool, { name: path.basename(file), limit: 100 })).toReversed();

describe('a file', () => {
  test('becomes a version at the start, once for all processes, and is on record', async () => {
    const file = newFile(rulesSaying('first'));
    const processes = await Promise.all([1, 2, 3, 4].map(() => startProcess(file)));
    for (const each of processes) expect(await each.say()).toEqual([{ type: 'text', content: 'first' }]);
    expect(await versionsOf(file)).toMatchObject([{ origin: 'file', operator: 'system', note: undefined }]);
    const actions = await database.rows<{ action: string; details: unknown }>(
      `select action, details from wechat.operator_action where details ->> 'rules' = $1`,
      [path.basename(file)],
    );
    expect(actions).toMatchObject([{ action: 'rules_change', details: { origin: 'file' } }]);
  });

  test('that is changed is in force in all processes, also where another file was put in its place', async () => {
    const file = newFile(rulesSaying('before'));
    const processes = await Promise.all([startProcess(file), startProcess(file)]);
    for (const each of processes) await saysSoon(each, 'before');
    writeFileSync(`${file}.new`, rulesSaying('after'));
    renameSync(`${file}.new`, file);
    for (const each of processes) await saysSoon(each, 'after');
    expect(await versionsOf(file)).toHaveLength(2);
  });

  test('that is not in order changes nothing, and the log says where; what is put right is taken', async () => {
    const file = newFile(rulesSaying('good'));
    const process = await startProcess(file);
    await saysSoon(process, 'good');
    writeFileSync(file, 'rules:\n  - { when: { keyword: a } }\n');
    const line = await waitFor('the log', () =>
      process.logged.find(({ event }) => event === 'rules_refused'),
    );
    expect(line).toMatchObject({
      level: 50,
      origin: 'file',
      problems: [`${file}:2:5: rules[0].answer is missing`],
    });
    await saysSoon(process, 'good');
    expect(await versionsOf(file)).toHaveLength(1);
    writeFileSync(file, rulesSaying('better'));
    await saysSoon(process, 'better');
    expect(process.logged.filter(({ event }) => event === 'rules_refused')).toHaveLength(1);
  });

  test('that is gone changes nothing, and is told once', async () => {
    const file = newFile(rulesSaying('still here'));
    const process = await startProcess(file);
    await saysSoon(process, 'still here');
    renameSync(file, `${file}.gone`);
    await waitFor('the log', () => process.logged.find(({ event }) => event === 'rules_refused'));
    renameSync(`${file}.gone`, file);
    writeFileSync(file, rulesSaying('back'));
    await saysSoon(process, 'back');
    expect(process.logged.filter(({ event }) => event === 'rules_refused')).toHaveLength(1);
  });

  test('that cannot be stored is told once, and is in force as soon as it can be', async () => {
    const file = newFile(rulesSaying('first'));
    const name = path.basename(file);
    await database.pool.query(
      `alter table wechat.rules_version add constraint refused check (name <> '${name}') not valid`,
    );
    const process = await startProcess(file);
    const told = () => process.logged.filter(({ event }) => event === 'rules_not_followed');
    await waitFor('the log', () => told()[0]);
    await database.pool.query('alter table wechat.rules_version drop constraint refused');
    await saysSoon(process, 'first');
    expect(told()).toMatchObject([{ rules: name, level: 50 }]);
  });

  test.each([
    [
      'is not in order',
      'rules: 1',
      /rules-\d+\.yaml: is not in order\n.*rules-\d+\.yaml:1:8: rules must be a list/,
    ],
    ['is not there', undefined, /cannot be read: ENOENT/],
  ])('that %s ends the start', async (_what, text, message) => {
    const file = text === undefined ? `${newFile('')}.none` : newFile(text);
    await expect(loadRules(file, { loadSource: () => Promise.reject() })).rejects.toMatchObject({
      ...{ code: 'REPLIES', message: expect.stringMatching(message) },
    });
  });
});

describe('a version from elsewhere', () => {
  const change = (file: string, text: string, expectedId: string) =>
    changeRules(database.pool, { name: path.basename(file), text, expectedId, origin: 'console' });

  test('is in force in all processes, also in those that start later, until the file is changed', async () => {
    const file = newFile(rulesSaying('file'));
    const process = await startProcess(file);
    await saysSoon(process, 'file');
    const [first] = await versionsOf(file);
    await change(file, rulesSaying('console'), first?.id ?? '');
    await saysSoon(process, 'console');
    const later = await startProcess(file);
    expect(await later.say()).toEqual([{ type: 'text', content: 'console' }]);
    writeFileSync(file, rulesSaying('file again'));
    await saysSoon(process, 'file again');
    await saysSoon(later, 'file again');
  });

  test('is refused where it was made from one that is not in force any more', async () => {
    const file = newFile(rulesSaying('file'));
    const process = await startProcess(file);
    await saysSoon(process, 'file');
    const [first] = await versionsOf(file);
    const id = first?.id ?? '';
    const both = await Promise.all([change(file, rulesSaying('a'), id), change(file, rulesSaying('b'), id)]);
    expect(both.filter((one) => one !== undefined)).toHaveLength(1);
    expect(await change(file, rulesSaying('c'), id)).toBeUndefined();
    expect(await versionsOf(file)).toHaveLength(2);
  });

  test('that is not in order changes nothing, and the next is taken', async () => {
    const file = newFile(rulesSaying('file'));
    const process = await startProcess(file);
    await saysSoon(process, 'file');
    const [first] = await versionsOf(file);
    const bad = await change(file, 'rules: [', first?.id ?? '');
    const line = await waitFor('the log', () =>
      process.logged.find(({ event }) => event === 'rules_refused'),
    );
    expect(line).toMatchObject({ origin: 'console', version: bad });
    await saysSoon(process, 'file');
    await change(file, rulesSaying('good'), bad ?? '');
    await saysSoon(process, 'good');
  });
});

describe('an answer that is left to another source', () => {
  const leaving = (to: string) => `rules:\n  - { name: ask, when: { keyword: ask }, answer: ${to} }\n`;

  test('is asked of it under the name that REPLIES would have, opened once, and closed with the rules', async () => {
    const entries: string[] = [];
    const events: string[] = [];
    const loadSource = async (entry: string): Promise<LoadedSource> => {
      entries.push(entry);
      return {
        name: entry,
        open: async ({ appId }) => {
          events.push(`open ${appId}`);
          const close = async () => void events.push('close');
          return { name: entry, answer: () => `from ${path.basename(entry)}`, close };
        },
      };
    };
    const file = newFile(leaving('{ llm: models/model.yaml }'));
    const process = await startProcess(file, loadSource);
    expect(await process.say('ask')).toBe('from model.yaml');
    expect(await process.say('ask')).toBe('from model.yaml');
    expect(await process.say('other')).toBeUndefined();
    writeFileSync(file, leaving('{ http: "https://my.example/reply" }'));
    await waitFor('the new source', async () => (await process.say('ask')) === 'from reply');
    expect(entries).toEqual([`model:${path.dirname(file)}/models/model.yaml`, 'https://my.example/reply']);
    await process.source.close();
    expect(events).toEqual(['open wx1', 'open wx1', 'close', 'close']);
  });

  test('that cannot be opened ends the start, and later changes nothing', async () => {
    const loadSource = async (entry: string): Promise<LoadedSource> => {
      if (entry.includes('bad')) throw new Error(`${entry} is bad`);
      return sourceOf(entry, () => 'ok');
    };
    const bad = leaving('{ http: "https://bad.example" }');
    await expect(loadRules(newFile(bad), { loadSource })).rejects.toThrow('https://bad.example is bad');
    const file = newFile(leaving('{ http: "https://good.example" }'));
    const process = await startProcess(file, loadSource);
    expect(await process.say('ask')).toBe('ok');
    writeFileSync(file, bad);
    const line = await waitFor('the log', () =>
      process.logged.find(({ event }) => event === 'rules_refused'),
    );
    expect(line).toMatchObject({ problems: ['https://bad.example is bad'] });
    expect(await process.say('ask')).toBe('ok');
  });
});

describe('an answer that is left to a back end', () => {
  test('is asked for by requests that each account signs by its own secret', async () => {
    const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
    const backEnd = await startBackEnd(() => ({ status: 200, json: 'hi' }), other);
    const file = newFile(rulesSaying(`{ http: "${backEnd.url}" }`));
    const load = createSourceLoader();
    const open = async (appId: string, httpReplySecrets: string[]) => {
      const loaded = await load(file, sourceOptions());
      const source = await loaded.open(sourceServices({ appId, httpReplySecrets, pool: database.pool }));
      onTestFinished(() => source.close());
      return source;
    };
    await open('wx1', [secret]);
    const second = await open('wx2', [other]);
    expect(await second.answer(replyContext(textMessage()))).toEqual([{ type: 'text', content: 'hi' }]);
  });

  test('needs a secret of every account whose users it may be for', async () => {
    const rule = (when: string) =>
      `rules:\n  - { when: ${when}, answer: { oneOf: [hi, { http: "https://my.example/reply" }] } }\n`;
    const open = async (file: string, appId: string) => {
      const loaded = await loadRules(file, { loadSource: async (entry) => sourceOf(entry, () => 'hi') });
      const source = await loaded.open(sourceServices({ appId, pool: database.pool }));
      onTestFinished(() => source.close());
    };
    await expect(open(newFile(rule('{ type: text }')), 'wx1')).rejects.toThrow(
      /leaves answers to my\.example, and wx1 has no REPLIES_HTTP_SECRET/,
    );
    await open(newFile(rule('{ account: wx2 }')), 'wx1');
  });
});

test('which rule answered is in the log and in the metrics', async () => {
  const process = await startProcess(newFile(rulesSaying('x')));
  await process.say();
  expect(process.logged).toContainEqual(
    expect.objectContaining({ event: 'rule_answered', rule: 'one', level: 20 }),
  );
  const { values } = await process.metrics.ruleAnswers.get();
  expect(values).toMatchObject([{ labels: { account: 'wx1', rule: 'one' }, value: 1 }]);
});

test('a person is asked for by the rule that says so', async () => {
  const reasons: string[] = [];
  const { source } = await startProcess(newFile(rulesSaying('[wait, { handOver: "{{content}}" }]')));
  const handOver = (reason: string) => void reasons.push(reason);
  await source.answer(replyContext(textMessage({ content: '人工' }), { handOver }));
  expect(reasons).toEqual(['人工']);
});

test('two files of one name in different folders are refused: versions are known by it', async () => {
  const load = createSourceLoader();
  const options = sourceOptions();
  const [one, other] = [scratchDirectory(), scratchDirectory()].map((folder) =>
    path.join(folder, 'rules.yaml'),
  );
  for (const file of [one, other]) writeFileSync(file ?? '', rulesSaying('x'));
  const first = await load(one ?? '', options);
  expect(await load(one ?? '', options)).toBe(first);
  expect(() => load(other ?? '', options)).toThrow(/has the same name as/);
});
