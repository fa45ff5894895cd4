import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadSource } from '../../../src/replies/open.js';
import { createTestDatabase } from '../../support/database.js';
import { textMessage } from '../../support/messages.js';
import { startModelStub } from '../../support/model-stub.js';
import { replyContext } from '../../support/reply-context.js';
import { sourceOptions, sourceServices } from '../../support/sources.js';
import { scratchDirectory } from '../../support/temporary-directory.js';
import { toReplies } from './support.js';

const example = path.resolve(import.meta.dirname, '../../../docs/examples/model');

test('the example answers, looking up the stock', async () => {
  const stub = await startModelStub();
  onTestFinished(() => stub.close());
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const shop = createServer((_request, response) => response.end('3')).listen(0, '127.0.0.1');
  await new Promise((resolve) => shop.once('listening', resolve));
  onTestFinished(() => void shop.close());

  const directory = scratchDirectory();
  cpSync(example, directory, { recursive: true });
  const file = path.join(directory, 'model.yaml');
  // It is the same but for its addresses.
  const content = readFileSync(file, 'utf8')
    .replace('https://api.deepseek.com/v1', stub.baseUrl)
    .replace('https://shop.example.com', `http://127.0.0.1:${(shop.address() as AddressInfo).port}`);
  writeFileSync(file, content);
  const environment = { MODEL_API_KEY: 'key', SHOP_SECRET: 'secret' };
  const loaded = await loadSource(`model:${file}`, sourceOptions({ environment }));
  const source = await loaded.open(sourceServices({ pool: database.pool }));
  onTestFinished(() => source.close());

  stub.behave(({ body }) =>
    body.messages.some(({ role }) => role === 'tool')
      ? { kind: 'answer', text: '《海洋》还有 **3** 本。' }
      : { kind: 'tools', calls: [{ id: 'c1', name: 'stock', arguments: '{"title":"海洋"}' }] },
  );
  const context = replyContext(textMessage({ content: '有《海洋》吗' }), { history: async () => [] });
  expect(toReplies(await source.answer(context))).toEqual([
    { type: 'text', content: '《海洋》还有 3 本。', isAi: true },
  ]);
  expect(stub.calls[0]?.body.messages[0]).toMatchObject({ content: expect.stringContaining('晨光书店') });
});
