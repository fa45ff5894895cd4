import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AccountConfig } from '../../src/config/account.js';
import { deleteOld } from '../../src/outbox/retention.js';
import { ContextError } from '../../src/replies/context/errors.js';
import { createContextServices } from '../../src/replies/context/services.js';
import { deleteClearedStates } from '../../src/replies/context/state.js';
import type { ContextServices, Subject } from '../../src/replies/context.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { forget } from '../support/forget.js';
import { createAgents } from '../support/handover.js';
import { createLanes, type Lanes, type LaneWorker } from '../support/lanes.js';
import { eventMessage } from '../support/messages.js';

let database: TestDatabase;
let services: ContextServices;
let lanes: Lanes;
let worker: LaneWorker;

beforeAll(async () => {
  database = await createTestDatabase();
  services = newServices();
  lanes = createLanes(database.pool);
  worker = await lanes.worker();
});
afterAll(() => database.drop());

/** As a process of its own has them. */
function newServices(pool = database.pool): ContextServices {
  return createContextServices({
    pool,
    durably: (statement) => statement(),
    giveUp: new AbortController().signal,
    call: () => Promise.reject(new Error('not here')),
  });
}

const subject = (openid: string, messageId: string): Subject => ({
  account: { appId: lanes.appId } as AccountConfig,
  openid,
  messageId,
});

async function newSubject(openid: string): Promise<Subject> {
  return subject(openid, await lanes.say(openid));
}

describe('the history', () => {
  async function said(openid: string, messageId: string, turns = 20) {
    const history = await services.history(subject(openid, messageId), turns);
    return history.map(({ from, text, agent }) => `${agent ?? from}: ${text}`);
  }

  test('is what both said before the message, oldest first, agents by their names', async () => {
    await lanes.say('oBoth', 'first');
    await worker.answer('oBoth', 'an answer');
    await lanes.say('oBoth', 'second');
    await worker.answer('oBoth', 'another');
    const agents = createAgents(database.pool, lanes.appId);
    await agents.take('oBoth', 'Li Na');
    await agents.send('oBoth', 'Li Na', 'by hand');
    await worker.answer('oBoth');
    const id = await lanes.say('oBoth', 'third');
    const all = ['user: first', 'replies: an answer', 'user: second', 'replies: another', 'Li Na: by hand'];
    expect(await said('oBoth', id)).toEqual(all);
    expect(await said('oBoth', id, 2)).toEqual(all.slice(-2));
    expect(await said('oBoth', id, 0)).toEqual([]);
    const [first, second] = await services.history(subject('oBoth', id), 20);
    expect(first).toMatchObject({ type: 'text', agent: undefined, at: expect.any(Date) });
    expect(second?.messageId).toBe(first?.messageId);
  });

  test('leaves out events, but not what was sent on them', async () => {
    await lanes.arrive(eventMessage('subscribe', { openid: 'oEvent' }));
    await worker.answer('oEvent', 'welcome');
    const id = await lanes.say('oEvent');
    expect(await said('oEvent', id)).toEqual(['replies: welcome']);
  });

  test('leaves out what never reached the user', async () => {
    await lanes.say('oUnsent', 'question');
    const lane = await worker.take('oUnsent');
    await worker.plan(lane, 'one', 'two', 'three');
    await database.pool.query(
      `update wechat.delivery
       set status = (array['failed', 'cancelled', 'unknown'])[position], attempts = 1, attempt_started_at = now()
       where openid = 'oUnsent'`,
    );
    const id = await lanes.say('oUnsent', 'again');
    expect(await said('oUnsent', id)).toEqual(['user: question', 'replies: three']);
  });

  test('has no text for what has none, and the title of what has one', async () => {
    await lanes.say('oMedia', 'show me');
    const lane = await worker.take('oMedia');
    await worker.plan(lane, 'picture', 'article');
    await database.pool.query(
      `update wechat.delivery
       set status = 'sent', sent_at = now(), msg_type = (array['image', 'news'])[position],
         payload = (array[
           '{"msgtype": "image", "image": {"media_id": "m"}}',
           '{"msgtype": "news", "news": {"articles": [{"title": "A title"}]}}'])[position]::jsonb
       where openid = 'oMedia'`,
    );
    const turns = await services.history(subject('oMedia', await lanes.say('oMedia')), 5);
    expect(turns.slice(1).map(({ type, text }) => ({ type, text }))).toEqual([
      { type: 'image', text: undefined },
      { type: 'news', text: 'A title' },
    ]);
  });

  test('is read for many conversations by few statements, each its own', async () => {
    const openids = Array.from({ length: 40 }, (_, n) => `oMany${n}`);
    const ids = new Map<string, string>();
    for (const openid of openids) {
      await lanes.say(openid, `first of ${openid}`);
      await worker.answer(openid, `to ${openid}`);
      ids.set(openid, await lanes.say(openid, 'second'));
    }
    const statements: string[] = [];
    const counting = {
      query: (config: { name: string }) => {
        statements.push(config.name);
        return database.pool.query(config as never);
      },
    } as unknown as Pool;
    const { history } = newServices(counting);
    const all = await Promise.all(
      openids.flatMap((openid) =>
        [1, 20].map((turns) => history(subject(openid, ids.get(openid) ?? ''), turns)),
      ),
    );
    expect(all.map((turns) => turns.map(({ text }) => text))).toEqual(
      openids.flatMap((openid) => [[`to ${openid}`], [`first of ${openid}`, `to ${openid}`]]),
    );
    expect(statements).toEqual(['history', 'history']);
  });

  test('that cannot be read fails for who asked, and for nobody beside', async () => {
    const id = await newSubject('oBeside');
    const [own, other] = await Promise.allSettled([
      services.history(subject('oBeside', 'no number'), 3),
      services.history(id, 3),
    ]);
    expect(own).toMatchObject({ status: 'rejected', reason: { code: '22P02' } });
    expect(other).toMatchObject({ status: 'fulfilled', value: [] });
  });

  test('of a user who was forgotten is empty', async () => {
    await lanes.say('oGone', 'secret');
    await worker.answer('oGone', 'answer');
    const id = await lanes.say('oGone', 'more');
    await worker.answer('oGone', 'answer');
    await forget(database, lanes.appId, 'oGone');
    expect(await said('oGone', String(BigInt(id) + 1_000n))).toEqual([]);
  });

  test.each([-1, 1.5, 501, Number.NaN])('of %d turns is refused', async (turns) => {
    await expect(services.history(subject('oBoth', '1'), turns)).rejects.toThrow(
      'is no whole number from 0 to 500',
    );
  });
});

describe('the state', () => {
  test('is kept for the conversation, under a version that each change raises', async () => {
    const state = services.state(await newSubject('oState'));
    expect(await state.get()).toBeUndefined();
    expect(await state.set({ step: 1 })).toBe('stored');
    expect(await state.set(null)).toBe('stored');
    expect(
      await newServices()
        .state(await newSubject('oState'))
        .get(),
    ).toEqual({ value: null, version: 2 });
    expect(await services.state(await newSubject('oOther')).get()).toBeUndefined();
  });

  test('is stored only over the version that was read', async () => {
    const state = services.state(await newSubject('oVersion'));
    expect(await state.set('a', { ifVersion: 1 })).toBe('conflict');
    expect(await state.set('a', { ifVersion: 0 })).toBe('stored');
    expect(await state.set('b', { ifVersion: 0 })).toBe('conflict');
    expect(await state.set('b', { ifVersion: 1 })).toBe('stored');
    expect(await state.set('c', { ifVersion: 1 })).toBe('conflict');
    expect(await state.get()).toEqual({ value: 'b', version: 2 });
  });

  test('is stored by one of many who read the same', async () => {
    const one = await newSubject('oMany');
    const tries = await Promise.all(
      [1, 2, 3, 4].map((value) => newServices().state(one).set(value, { ifVersion: 0 })),
    );
    expect(tries.filter((result) => result === 'stored')).toHaveLength(1);
  });

  test('that was cleared is none, and what was read before is still no version of what comes next', async () => {
    const state = services.state(await newSubject('oClear'));
    await state.set('a');
    await state.clear();
    await state.clear();
    expect(await state.get()).toBeUndefined();
    expect(await state.set('b', { ifVersion: 0 })).toBe('stored');
    expect(await state.set('c', { ifVersion: 1 })).toBe('conflict');
    expect(await state.get()).toEqual({ value: 'b', version: 3 });
  });

  test('leaves nothing behind a day after it was cleared', async () => {
    const cleared = services.state(await newSubject('oCleared'));
    await cleared.set('a');
    await cleared.clear();
    const kept = services.state(await newSubject('oKept'));
    await kept.set('a');
    await deleteClearedStates(database.pool);
    const rows = () =>
      database.rows<{ openid: string }>(
        `select openid from wechat.conversation_state where openid in ('oCleared', 'oKept') order by 1`,
      );
    expect(await rows()).toHaveLength(2);
    await database.pool.query(
      `update wechat.conversation_state set updated_at = now() - interval '25 hours'`,
    );
    await deleteClearedStates(database.pool);
    expect(await rows()).toEqual([{ openid: 'oKept' }]);
  });

  test.each([
    ['undefined', undefined, 'undefined is no JSON value'],
    ['a circle', circle(), 'the value is no JSON'],
    [
      'more than 64 kB',
      '字'.repeat(22_000),
      'the value has 66,002 bytes as JSON, and at most 65,536 are kept',
    ],
    ['a NUL', 'a\0b', 'a text in it holds a NUL or half of a character'],
    ['half of a character', ['\ud83d'], 'a text in it holds a NUL or half of a character'],
  ])('refuses %s', async (_what, value, problem) => {
    const state = services.state(await newSubject('oRefused'));
    await expect(state.set(value as never)).rejects.toThrow(problem);
    await expect(state.set(value as never)).rejects.toThrow(ContextError);
    expect(await state.get()).toBeUndefined();
  });

  test('takes a text that only looks like a NUL, and 64 kB', async () => {
    const state = services.state(await newSubject('oLooks'));
    await state.set('\\u0000 \\\\ud800');
    expect((await state.get())?.value).toBe('\\u0000 \\\\ud800');
    expect(await state.set('a'.repeat(65_534))).toBe('stored');
  });

  test('goes when the user is forgotten, and none is stored afterwards', async () => {
    const one = await newSubject('oForget');
    const state = services.state(one);
    await state.set({ name: 'Li' });
    await services.once(one, 'key', async () => 'done');
    await worker.answer('oForget');
    await forget(database, lanes.appId, 'oForget');
    await expect(state.set('late')).rejects.toThrow('the user was forgotten');
    expect(await services.once(one, 'late', async () => 'result')).toBe('result');
    const left = await database.rows(
      `select from wechat.conversation_state where openid = 'oForget'
       union all select from wechat.once_result where message_id = $1`,
      [one.messageId],
    );
    expect(left).toEqual([]);
  });
});

function circle(): unknown {
  const value: Record<string, unknown> = {};
  value.itself = value;
  return value;
}

describe('once', () => {
  test('runs an action once for a message and a key, in whatever process', async () => {
    const one = await newSubject('oOnce');
    let runs = 0;
    const action = async () => {
      runs += 1;
      return { order: runs };
    };
    expect(await services.once(one, 'order', action)).toEqual({ order: 1 });
    expect(await newServices().once(one, 'order', action)).toEqual({ order: 1 });
    expect(await services.once(one, 'another', action)).toEqual({ order: 2 });
    expect(await services.once(await newSubject('oOnce'), 'order', action)).toEqual({ order: 3 });
  });

  test('has a second call wait for the first', async () => {
    const one = await newSubject('oWaits');
    const { promise, resolve } = Promise.withResolvers<string>();
    const first = services.once(one, 'key', () => promise);
    const second = services.once(one, 'key', () => Promise.reject(new Error('run twice')));
    resolve('once');
    expect(await Promise.all([first, second])).toEqual(['once', 'once']);
  });

  test('keeps the first result, should two processes do the same', async () => {
    const one = await newSubject('oTwo');
    const { promise, resolve } = Promise.withResolvers<string>();
    const slow = services.once(one, 'key', () => promise);
    expect(await newServices().once(one, 'key', async () => 'quick')).toBe('quick');
    resolve('slow');
    expect(await slow).toBe('quick');
  });

  test('stores no error', async () => {
    const one = await newSubject('oThrows');
    const thrown = services.once(one, 'key', () => Promise.reject(new Error('no')));
    await expect(thrown).rejects.toThrow('no');
    expect(await services.once(one, 'key', async () => null)).toBeNull();
    expect(await services.once(one, 'key', async () => 'again')).toBeNull();
  });

  test('refuses a result of more than 64 kB, and a key that is none', async () => {
    const one = await newSubject('oLarge');
    await expect(services.once(one, 'key', async () => 'a'.repeat(65_535))).rejects.toThrow(
      'once("key"): the value has 65,537 bytes as JSON, and at most 65,536 are kept',
    );
    for (const key of ['', 'a'.repeat(101)])
      await expect(services.once(one, key, async () => 1)).rejects.toThrow('a text of 1 to 100 characters');
  });

  test('has its results deleted with their message', async () => {
    const one = await newSubject('oOld');
    await services.once(one, 'key', async () => 1);
    await worker.answer('oOld');
    await database.pool.query(
      `update wechat.inbound_message
       set received_at = now() - interval '9 days', settled_at = now() - interval '9 days', window_ends_at = null
       where id <= $1 and settled_at is not null`,
      [one.messageId],
    );
    // What waits to be worked on comes first, and other tests left such.
    await database.pool.query(
      'select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs',
    );
    const batch = { afterId: String(BigInt(one.messageId) - 1n), limit: 10, days: 8 };
    expect(await deleteOld(database.pool, batch)).toMatchObject({ isOurs: true, deleted: 1 });
    const left = 'select from wechat.once_result where message_id = $1';
    expect(await database.rows(left, [one.messageId])).toEqual([]);
  });
});
