import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Why, WhyCause } from '../../../src/console/contract/history.js';
import { createHistoryRoutes } from '../../../src/console/server/history/routes.js';
import type {
  SituatedDelivery,
  SituatedMessage,
  Situation,
} from '../../../src/console/server/history/situation.js';
import { decideWhy } from '../../../src/console/server/history/why.js';
import { toFinding } from '../../../src/console/server/history/why-route.js';
import { wordsOf } from '../../../src/console/server/words/index.js';
import { anybody, type Mounted, mount, silent } from '../../support/area.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { tell } from '../../support/history.js';
import { createLanes, type Lanes, type LaneWorker, refused } from '../../support/lanes.js';

const at = '2026-11-26T09:00:00.000Z';

const delivery = (more: Partial<SituatedDelivery> = {}): SituatedDelivery => ({
  ...{ id: '21', status: 'sent', attempts: 1, code: 0, error: null, at },
  ...more,
});

const message = (more: Partial<SituatedMessage> = {}): SituatedMessage => ({
  ...{ id: '11', receivedAt: at, status: 'settled', error: null, forAgent: false, isForgotten: false },
  deliveries: [],
  ...more,
});

const lane = (more: Partial<NonNullable<Situation['lane']>> = {}): Situation['lane'] => ({
  ...{ isDue: true, dueAt: at, workerId: null, claimedAt: null, failures: 0, error: null },
  ...more,
});

const situation = (more: Partial<Situation> = {}): Situation => ({
  ...{ account: 'wxone', openid: 'oUser', isConfigured: true, refusedPushes: 0, workersAlive: 1 },
  ...{ pause: undefined, handover: undefined, latest: undefined, open: undefined, first: undefined },
  ...{ earlier: 0, awaited: undefined, lane: undefined },
  ...more,
});

const open = (more: Partial<SituatedMessage> = {}, around: Partial<Situation> = {}): Situation => {
  const one = message({ status: 'received', ...more });
  return situation({ latest: one, open: one, first: one, lane: lane(), ...around });
};

const closed = (more: Partial<SituatedMessage>, around: Partial<Situation> = {}): Situation =>
  situation({ latest: message(more), ...around });

const cases: [what: string, Situation, WhyCause[]][] = [
  ['nothing is stored', situation(), ['never_pushed']],
  [
    'nothing is stored, and pushes were refused',
    situation({ refusedPushes: 3 }),
    ['refused', 'never_pushed'],
  ],
  ['the account is not ours', situation({ isConfigured: false }), ['account_unknown', 'never_pushed']],
  ['no worker lives', open({}, { workersAlive: 0 }), ['no_worker', 'waiting_for_turn']],
  [
    'the account rests',
    open({}, { pause: { reason: 'account', code: 48001, error: 'unauthorized', since: at } }),
    ['account_paused', 'waiting_for_turn'],
  ],
  [
    'a person has it',
    open({}, { handover: { agent: 'mei', external: null, since: at } }),
    ['taken_over', 'waiting_for_turn'],
  ],
  [
    'it was left to a person',
    closed({ forAgent: true }, { handover: { agent: null, external: null, since: at } }),
    ['taken_over'],
  ],
  ['the user has sent too much', closed({ error: 'limited: more than 10 messages in 1m' }), ['limited']],
  [
    'the user has sent too much, and was told so',
    closed({ error: 'limited: more than 10 messages in 1m', deliveries: [delivery()] }),
    ['limited', 'answered'],
  ],
  [
    'a check refused the answer',
    closed({ status: 'failed', error: 'stopped by a check: reply 1: it tells a secret' }),
    ['stopped'],
  ],
  [
    'a check said something else',
    closed({ error: 'stopped by a check: reply 1: words of the category x', deliveries: [delivery()] }),
    ['stopped', 'answered'],
  ],
  ['it waits for a worker', open(), ['waiting_for_turn']],
  ['it is put off', open({}, { lane: lane({ isDue: false }) }), ['put_off']],
  [
    'a back end is to call back',
    open(
      {},
      { lane: lane({ isDue: false }), awaited: { source: 'https://shop.example', since: at, until: at } },
    ),
    ['awaiting_back_end'],
  ],
  [
    'it waits behind one whose reply logic failed',
    open(
      {},
      {
        first: message({ id: '10', status: 'received' }),
        earlier: 2,
        lane: lane({ failures: 1, error: 'a bug' }),
      },
    ),
    ['reply_retrying', 'waiting_for_turn'],
  ],
  ['a worker has it', open({}, { lane: lane({ workerId: 3, claimedAt: at }) }), ['being_answered']],
  ['it is being sent', open({ deliveries: [delivery({ status: 'sending' })] }), ['being_answered']],
  [
    'the reply logic is to run again',
    open({}, { lane: lane({ failures: 2, error: 'a bug' }) }),
    ['reply_retrying'],
  ],
  ['the reply logic failed', closed({ status: 'failed', error: 'a bug' }), ['reply_failed']],
  ['there was nothing to say', closed({}), ['nothing_to_say']],
  [
    'the answer was cut',
    closed({
      error: 'the reply was cut: 7 messages, and the reply window allows 5',
      deliveries: [delivery()],
    }),
    ['cut', 'answered'],
  ],
  [
    'it is planned',
    open({ deliveries: [delivery({ status: 'pending', attempts: 0 })] }),
    ['delivery_waiting'],
  ],
  [
    'it is sent again later, and one before it failed',
    open({
      deliveries: [delivery({ status: 'failed', code: 45002 }), delivery({ id: '22', status: 'pending' })],
    }),
    ['delivery_retrying', 'delivery_failed'],
  ],
  [
    'one failed and one was sent',
    closed({ deliveries: [delivery(), delivery({ status: 'failed', code: 45002 })] }),
    ['delivery_failed', 'answered'],
  ],
  [
    'the window was over',
    closed({ deliveries: [delivery({ status: 'expired', code: 45015 })] }),
    ['window_over'],
  ],
  ['nobody knows', closed({ deliveries: [delivery({ status: 'unknown' })] }), ['delivery_unknown']],
  ['a delivery was cancelled', closed({ deliveries: [delivery({ status: 'cancelled' })] }), ['cancelled']],
  ['the message was cancelled', closed({ error: 'cancelled by an operator' }), ['cancelled']],
  ['the user was forgotten', closed({ isForgotten: true }), ['forgotten']],
  ['it was answered', closed({ deliveries: [delivery()] }), ['answered']],
  [
    'it was answered, and pushes were refused since',
    closed({ deliveries: [delivery()] }, { refusedPushes: 2 }),
    ['answered', 'refused'],
  ],
];

describe('why there is no answer', () => {
  test.each(cases)('when %s', (_what, given, causes) => {
    expect(decideWhy(given).map(({ cause }) => cause)).toEqual(causes);
  });

  test('every cause is decided, and has words in both languages', () => {
    const decided = new Map(cases.flatMap(([, given]) => decideWhy(given).map((one) => [one.cause, one])));
    const known = Object.keys(wordsOf('en').why);
    expect([...decided.keys()].sort()).toEqual(known.sort());
    for (const cause of decided.values()) {
      const [english, chinese] = (['en', 'zh-CN'] as const).map((one) =>
        toFinding(cause, 'wxone', wordsOf(one)),
      );
      expect(english?.headline).toMatch(/^\p{ASCII}|’/u);
      expect(chinese?.headline).toMatch(/\p{Script=Han}/u);
      expect(JSON.stringify([english, chinese])).not.toMatch(/undefined|null,"code"|\bNaN\b/);
    }
  });
});

describe('from the database', () => {
  let database: TestDatabase;
  let api: Mounted;
  let lanes: Lanes;
  let worker: LaneWorker;

  beforeAll(async () => {
    database = await createTestDatabase();
    lanes = createLanes(database.pool, { appId: 'wxone' });
    worker = await lanes.worker();
    api = await mount(
      createHistoryRoutes({
        ...{ pool: database.pool, requires: anybody, log: silent, accounts: ['wxone'] },
        refusedPushes: async () => 0,
        stopping: new AbortController().signal,
      }),
    );
  });
  afterAll(async () => {
    await api.close();
    await database.drop();
  });

  async function why(openid: string, lang = 'en', account = 'wxone'): Promise<Why['findings']> {
    const { body } = await api.get(`/why?account=${account}&openid=${openid}&lang=${lang}`);
    return (body as Why).findings;
  }

  test('of one who never wrote, in the language that is asked for', async () => {
    expect(await why('oNobody', 'zh-CN')).toMatchObject([
      { cause: 'never_pushed', headline: expect.stringContaining('微信') },
    ]);
  });

  test('of one who waits behind a message that is tried again', async () => {
    const first = await lanes.say('oRetry');
    const second = await lanes.say('oRetry', 'still there?');
    await worker.release(await worker.take('oRetry'), { failure: 'out of order', delayMs: 3_600_000 });
    expect(await why('oRetry')).toMatchObject([
      { cause: 'reply_retrying', messageId: first, detail: 'out of order' },
      { cause: 'waiting_for_turn', messageId: second, detail: expect.stringMatching(/^1 of/) },
    ]);
  });

  test('of one whom a back end answers later, and of one who may still be writing', async () => {
    for (const openid of ['oLater', 'oWriting']) await lanes.say(openid);
    const asked = await worker.take('oLater');
    await worker.release(asked, { delayMs: 3_600_000 });
    await worker.release(await worker.take('oWriting'), { delayMs: 3_600_000 });
    await database.rows(
      `insert into wechat.reply_callback (token_hash, app_id, openid, message_id, source, expires_at, awaited_at)
       select sha256('token'), app_id, openid, id, 'https://shop.example/reply', now() + interval '1 hour', now()
       from wechat.inbound_message where openid = 'oLater'`,
    );
    expect(await why('oLater')).toMatchObject([
      {
        cause: 'awaiting_back_end',
        detail: expect.stringMatching(/^https:\/\/shop\.example\/reply said so/),
      },
    ]);
    expect(await why('oWriting')).toMatchObject([{ cause: 'put_off' }]);
  });

  test('of one whom WeChat refused, with what the code means', async () => {
    await lanes.say('oRefused');
    const held = await worker.take('oRefused');
    const [one] = (await worker.plan(held, 'answer')) ?? [];
    await worker.settle(held, { end: one && refused(one) });
    const [finding] = await why('oRefused');
    expect(finding).toMatchObject({ cause: 'delivery_failed', deliveryId: one?.id });
    expect(finding?.headline).toMatch(/^WeChat refused the answer: ./);
  });

  test('of one who was answered, one whose conversation is taken, and where no worker lives', async () => {
    await tell(database.pool, 'wxone', [
      { openid: 'oDone', hoursAgo: 1, text: 'hi', replies: [{ text: 'hello' }] },
    ]);
    expect((await why('oDone')).map(({ cause }) => cause)).toEqual(['answered']);
    await lanes.say('oTaken');
    await database.rows(`select * from wechat.take_over('wxone', 'oTaken', 'mei')`);
    expect((await why('oTaken'))[0]).toMatchObject({
      cause: 'taken_over',
      headline: 'mei has the conversation',
    });
    await lanes.say('oAlone');
    await database.rows('update wechat.worker_process set ended_at = now()');
    expect((await why('oAlone')).map(({ cause }) => cause)).toEqual(['no_worker', 'waiting_for_turn']);
    await database.rows('update wechat.worker_process set ended_at = null');
  });

  test('of one whose phone told of something after what they asked', async () => {
    await tell(database.pool, 'wxphone', [
      { openid: 'oAsks', hoursAgo: 1, text: 'a question', status: 'failed', error: 'a bug' },
      { openid: 'oAsks', hoursAgo: 0, event: 'location' },
      { openid: 'oTells', hoursAgo: 0, event: 'location' },
    ]);
    for (const [openid, cause] of [
      ['oAsks', 'reply_failed'],
      ['oTells', 'nothing_to_say'],
    ])
      expect((await why(openid ?? '', 'en', 'wxphone')).map((one) => one.cause)).toEqual([cause]);
  });

  test('without an account or a user there is no answer', async () => {
    expect((await api.get('/why?account=wxone')).status).toBe(400);
  });
});
