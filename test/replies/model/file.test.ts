import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type ModelFileError, readModelFile } from '../../../src/replies/model/file.js';
import { loadSource } from '../../../src/replies/open.js';
import { sourceOptions } from '../../support/sources.js';
import { scratchDirectory } from '../../support/temporary-directory.js';

const least = 'baseUrl: https://api.example.com/v1/\nmodel: some-model\n';

function write(content: string, others: Record<string, string> = {}): string {
  const directory = scratchDirectory();
  for (const [name, text] of Object.entries(others)) writeFileSync(path.join(directory, name), text);
  const file = path.join(directory, 'model.yaml');
  writeFileSync(file, content);
  return file;
}

test('the least that it must say is an address and a model', () => {
  expect(readModelFile(write(least), {})).toMatchObject({
    baseUrl: 'https://api.example.com/v1',
    model: 'some-model',
    apiKey: undefined,
    system: undefined,
    timeout: 45_000,
    markAsAi: true,
    memory: { turns: 20, tokens: 3_000, summary: true },
    continueNotice: '（还有下文，回复“继续”接着看）',
  });
});

test('secrets and the system prompt are read from where it says', () => {
  const file = write(
    `${least}apiKey: { env: KEY }\nsystem: { file: system.txt }\ntools:\n  - name: stock\n    description: 库存\n    url: https://shop.example.com/stock\n    secret: { file: secret.txt }\n`,
    { 'system.txt': '你是店员。\n', 'secret.txt': 's3\n' },
  );
  expect(readModelFile(file, { KEY: 'k1' })).toMatchObject({
    apiKey: 'k1',
    system: '你是店员。',
    tools: [{ name: 'stock', secret: 's3', timeout: 10_000, parameters: { type: 'object' } }],
  });
});

test.each([
  [`${least}temperatur: 1\n`, 'line 3, column 1: has unknown entries: temperatur'],
  [`${least}temperature: hot\n`, 'line 3, column 1: temperature must be a number'],
  [`${least}memory:\n  turns: 0\n`, 'line 4, column 3: memory.turns must be 1 at least'],
  [
    `${least}apiKey: sk-123\n`,
    'line 3, column 1: apiKey must be { env: NAME } or { file: path }: a secret is named, not written here',
  ],
  [`${least}apiKey: { env: NONE }\n`, 'line 3, column 1: apiKey: the environment has no NONE'],
  [`${least}system: { file: none.txt }\n`, 'line 3, column 1: system cannot be read: '],
  [
    `${least}tools:\n  - name: a b\n    description: x\n    url: https://a.example/\n`,
    'line 4, column 5: tools.0.name must be 1 to 64 letters',
  ],
  [
    `${least}tools:\n  - { name: a, description: x, url: 'https://a.example/' }\n  - { name: a, description: x, url: 'https://a.example/' }\n`,
    'line 5, column 7: the tool a is there twice',
  ],
  [
    `${least}budget:\n  zone: Asia/Nowhere\n`,
    'line 4, column 3: budget.zone must be a time zone such as Asia/Shanghai',
  ],
  ['model: x\n', 'line 1, column 1: baseUrl is missing'],
  [`${least}memory: [\n`, 'line 4, column 1: '],
  ['', '  - baseUrl is missing'],
])('%j is refused with the place: %s', (content, problem) => {
  const file = write(content);
  let message = '';
  try {
    readModelFile(file, {});
  } catch (error) {
    expect(error).toMatchObject({ code: 'REPLIES' });
    message = (error as ModelFileError).message;
    const [first, ...rest] = (error as ModelFileError).told['zh-CN'].split('\n');
    for (const line of rest.length > 0 ? rest : [first]) expect(line).toMatch(/\p{Script=Han}/u);
  }
  expect(message).toContain(`REPLIES=model:${file}`);
  expect(message).toContain(problem);
});

test('a key that was written into the file is not repeated', () => {
  expect(() => readModelFile(write(`${least}apiKey: sk-123\n`), {})).toThrow(/^((?!sk-123)[\s\S])*$/);
});

test('REPLIES names it, and its time limit must end before that of the reply logic', async () => {
  const options = sourceOptions();
  const file = write(`${least}timeout: 70s\n`);
  await expect(loadSource(`model:${file}`, options)).rejects.toThrow(
    /timeout is 70s.*REPLY_TIMEOUT, which is 60 s/,
  );
  const source = await loadSource(`model:${write(least)}`, options);
  expect(source.name).toMatch(/^model:.*model\.yaml$/);
});
