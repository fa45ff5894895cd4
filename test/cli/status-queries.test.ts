import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeStatus } from '../../src/cli/history/describe-status.js';
import { findMessage } from '../../src/history/message.js';
import { readStatus } from '../../src/history/status.js';
import { wordsOf } from '../../src/cli/words/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { tell } from '../support/history.js';
import { createLanes, type Lanes, type LaneWorker } from '../support/lanes.js';

let database: TestDatabase;
let lanes: Lanes;
let worker: LaneWorker;
let ready: string;
let claimed: string;
let delayed: string;

beforeAll(async () => {
  database = await createTestDatabase();
  lanes = createLanes(database.pool, { appId: 'wxone' });
  worker = await lanes.worker();
  delayed = await lanes.say('oDelayed');
  await lanes.say('oDelayed', 'behind it');
  await worker.release(await worker.take('oDelayed'), { failure: 'out of order', delayMs: 3_600_000 });
  ready = await lanes.say('oReady');
  claimed = await lanes.say('oClaimed');
  await worker.plan(await worker.take('oClaimed'), 'answer');
  await database.rows(
    `update wechat.lane set waiting_since = now() - interval '1 hour' where openid = 'oDelayed'`,
  );
  await tell(database.pool, 'wxone', [
    { openid: 'oBug', hoursAgo: 2, text: 'hi', status: 'failed', error: 'a bug' },
    {
      openid: 'oLate',
      hoursAgo: 2,
      text: 'hi',
      replies: [{ text: 'late', status: 'failed', errcode: 45015 }],
    },
  ]);
});
afterAll(() => database.drop());

test('status counts what waits in the words of the metrics, and names the oldest', async () => {
  const status = await readStatus(database.pool);
  expect(status.backlog.map(({ account, state, messages }) => [account, state, messages])).toEqual([
    ['wxone', 'claimed', 1],
    ['wxone', 'delayed', 2],
    ['wxone', 'ready', 1],
  ]);
  expect(status.oldest).toMatchObject({ id: delayed, openid: 'oDelayed', error: 'out of order' });
  expect(status.oldest?.ageMs).toBeGreaterThan(3_599_000);
  expect(status.failedMessages).toBe(1);
  expect(status.failures).toMatchObject([
    { account: 'wxone', state: 'failed', errcode: 45015, deliveries: 1 },
  ]);
  expect(status.workers).toMatchObject([{ id: worker.id, held: 1 }]);
});

test('what strangers wrote does not act on the terminal', async () => {
  const status = await readStatus(database.pool);
  const text = describeStatus(
    {
      ...status,
      oldest: { id: '1', openid: 'o\u001b[2JEvil', ageMs: 1, error: 'one\ntwo\u001b]0;title\u0007' },
      backlog: [],
    },
    [],
    { words: wordsOf('en'), out: {} },
  );
  expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  expect(text).toMatch(/^Oldest: message 1 of oEvil, 1 ms: one ⏎ two.*; wechat-outbox show 1$/m);
});

test('a message is shown with what its conversation waits for', async () => {
  const message = async (id: string) => (await findMessage(database.pool, id, false))?.message;
  expect(await message(ready)).toMatchObject({
    status: 'received',
    is_first: true,
    claimed_by: null,
    failures: 0,
  });
  expect(await message(claimed)).toMatchObject({ status: 'answering', claimed_by: worker.id });
  expect(await message(delayed)).toMatchObject({ status: 'received', failures: 1, error: 'out of order' });
  const [behind] = await database.rows<{ id: string }>(
    `select id from wechat.inbound_message where content = 'behind it'`,
  );
  expect(await message(behind?.id ?? '')).toMatchObject({ is_first: false, failures: 0, error: null });
  const [bug] = await database.rows<{ id: string }>('select id from wechat.inbound_message where failed');
  expect(await message(bug?.id ?? '')).toMatchObject({ status: 'failed', error: 'a bug', due_at: null });
});
