import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { deleteExpiredCallbacks } from '../../../src/outbox/reply-callback.js';
import { type BackEndRequest, secret, startBackEnd, type TestBackEnd } from '../../support/back-end.js';
import { forget } from '../../support/forget.js';
import { createForwarder } from '../../support/forwarder.js';
import { type Stage, setStage, settled } from '../../support/stage.js';
import { waitFor } from '../../support/wait.js';
import { sends } from '../../support/worker-process.js';

/** The service behind an address that is known before it starts, as back ends need it. */
async function setScene(backEnd: TestBackEnd, settings: Record<string, string> = {}) {
  const stage = await setStage();
  const front = await createForwarder();
  const service = await stage.start({
    repliesOfSettings: true,
    settings: {
      REPLIES: backEnd.url,
      REPLIES_HTTP_SECRET: secret,
      REPLIES_HTTP_PRIVATE: 'true',
      REPLIES_HTTP_TURNS: '0',
      REPLIES_CALLBACK_URL: front.url,
      ...settings,
    },
  });
  front.leadTo(new URL(service.webhookUrl).port);
  return { ...stage, stage, service };
}

/** Posts an answer to the callback of a request. */
async function post(request: BackEndRequest | undefined, answer: unknown) {
  const body =
    typeof answer === 'string' && answer.startsWith('raw:') ? answer.slice(4) : JSON.stringify(answer);
  const response = await fetch(request?.body.callback?.url ?? '', { method: 'POST', body });
  return { status: response.status, json: (await response.json()) as { status?: string; error?: string } };
}

const accepted = { status: 200, json: { status: 'accepted' } };

const textsOf = (stage: Stage, openid: string) =>
  sends(stage, openid).map(({ body }) => (JSON.parse(body) as { text: { content: string } }).text.content);

/** Every row of callbacks that is left. */
const rowsOf = ({ database }: Stage) =>
  database.rows<{ awaited_at: Date | null; answered_at: Date | null }>('select * from wechat.reply_callback');

/** Until the lane waits for the callback. */
const awaited = (stage: Stage, count = 1) =>
  waitFor('the lane to wait', async () => {
    const [row] = await stage.database.rows<{ lanes: number }>(
      `select count(*)::int as lanes from wechat.lane where claim is null and due_at > now() + interval '1 second'`,
    );
    return row?.lanes === count;
  });

describe('a back end that answers later', () => {
  test('posts the replies to its callback, and they leave at once', async () => {
    const backEnd = await startBackEnd(() => ({ status: 202 }));
    const { stage, simulator, database } = await setScene(backEnd);
    await simulator.user('anna').say('one');
    await awaited(stage);
    const [request] = backEnd.requests;
    expect(request?.body.callback).toMatchObject({
      token: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      expiresAt: expect.any(String),
    });
    const postedAt = Date.now();
    expect(await post(request, ['later', 'and more'])).toEqual(accepted);
    await settled(database, 1);
    expect(textsOf(stage, 'anna')).toEqual(['later', 'and more']);
    expect(Date.now() - postedAt).toBeLessThan(5_000);
    expect(backEnd.requests).toHaveLength(1);
  });

  test('holds up what the user sends meanwhile, so that the order is kept, and no other user', async () => {
    const backEnd = await startBackEnd(({ body }) =>
      body.message.content === 'slow'
        ? { status: 202 }
        : { status: 200, json: `re: ${body.message.content}` },
    );
    const { stage, simulator, database } = await setScene(backEnd);
    await simulator.user('anna').say('slow');
    await awaited(stage);
    await simulator.user('anna').say('fast');
    await simulator.user('ben').say('hello');
    await waitFor('the answer to Ben', () => textsOf(stage, 'ben').length === 1);
    expect(textsOf(stage, 'anna')).toEqual([]);
    expect(await post(backEnd.requests[0], 're: slow')).toEqual(accepted);
    await settled(database, 3);
    expect(textsOf(stage, 'anna')).toEqual(['re: slow', 're: fast']);
  });

  test('may do so before its 202 has come through', async () => {
    const responses: ReturnType<typeof post>[] = [];
    const backEnd = await startBackEnd(async (request) => {
      responses.push(post(request, 'at once'));
      await responses[0];
      return { status: 202 };
    });
    const { stage, simulator, database } = await setScene(backEnd);
    await simulator.user('anna').say('one');
    await settled(database, 1);
    expect(await responses[0]).toEqual(accepted);
    expect(textsOf(stage, 'anna')).toEqual(['at once']);
  });

  test('may do so although its 202 never came through', async () => {
    const backEnd = await startBackEnd((_request, response) => void response.destroy());
    const { stage, simulator, database } = await setScene(backEnd);
    await simulator.user('anna').say('one');
    const request = await waitFor('a request', () => backEnd.requests[0]);
    expect(await post(request, 'all the same')).toEqual(accepted);
    await settled(database, 1);
    expect(textsOf(stage, 'anna')).toEqual(['all the same']);
    expect(new Set(backEnd.requests.map(({ body }) => body.id)).size).toBe(1);
  });

  test('hears the same of the same answer, and that another comes too late', async () => {
    const backEnd = await startBackEnd(() => ({ status: 202 }));
    const { stage, simulator, database } = await setScene(backEnd);
    await simulator.user('anna').say('one');
    await awaited(stage);
    const [request] = backEnd.requests;
    const posted = await Promise.all(Array.from({ length: 8 }, () => post(request, 'later')));
    expect(posted).toEqual(posted.map(() => accepted));
    await settled(database, 1);
    expect(await post(request, 'later')).toEqual(accepted);
    expect(await post(request, 'other')).toMatchObject({ status: 409, json: { error: expect.any(String) } });
    expect(await post(request, { type: 'nonsense' })).toMatchObject({ status: 409 });
    expect(textsOf(stage, 'anna')).toEqual(['later']);
  });

  test('hears what is wrong with an answer, and may mend it', async () => {
    const backEnd = await startBackEnd(() => ({ status: 202 }));
    const { stage, simulator, database } = await setScene(backEnd);
    await simulator.user('anna').say('one');
    await awaited(stage);
    const [request] = backEnd.requests;
    const wrong: [unknown, RegExp][] = [
      [{ type: 'news', articles: [] }, /reply 1 \(news\): articles/],
      ['raw:{"replies"', /no JSON/],
      [{ type: 'image', media: { file: '/etc/passwd' } }, /media\.file/],
    ];
    for (const [answer, problem] of wrong) {
      const { status, json } = await post(request, answer);
      expect(status).toBe(422);
      expect(json.error).toMatch(problem);
    }
    expect(await post(request, `raw:"${'x'.repeat(300_000)}"`)).toMatchObject({ status: 413 });
    expect(await post(request, 'right')).toEqual(accepted);
    await settled(database, 1);
    expect(textsOf(stage, 'anna')).toEqual(['right']);
  });

  test('and has nothing to say after all, or asks for a person, ends it too', async () => {
    const backEnd = await startBackEnd(() => ({ status: 202 }));
    const { stage, simulator, database } = await setScene(backEnd);
    await simulator.user('anna').say('one');
    await simulator.user('ben').say('two');
    await awaited(stage, 2);
    const of = (openid: string) => backEnd.requests.find(({ body }) => body.message.openid === openid);
    expect(await post(of('anna'), null)).toEqual(accepted);
    expect(await post(of('ben'), { replies: 'a moment', handOver: 'refund' })).toEqual(accepted);
    await settled(database, 2);
    expect(sends(stage)).toHaveLength(1);
    expect(await database.rows('select openid, reason from wechat.handover')).toEqual([
      { openid: 'ben', reason: 'refund' },
    ]);
  });

  test('never at all lets the message fail, with the reason, and the next one go on', async () => {
    const backEnd = await startBackEnd(({ body }) =>
      body.message.content === 'slow' ? { status: 202 } : { status: 200, json: 'fast' },
    );
    const { stage, simulator, database } = await setScene(backEnd, { REPLIES_CALLBACK_WAIT: '2' });
    await simulator.user('anna').say('slow');
    await simulator.user('anna').say('fast');
    await waitFor('the second answer', () => textsOf(stage, 'anna').length === 1);
    const [failed] = await database.rows<{ error: string; status: string }>(
      `select status, error from wechat.inbound_message where content = 'slow'`,
    );
    expect(failed).toEqual({
      status: 'failed',
      error: expect.stringContaining('said that it answers later (202), and did not until'),
    });
    const { status, json } = await post(backEnd.requests[0], 'too late');
    expect([status, json.error]).toEqual([410, expect.stringContaining('too late')]);
    expect(textsOf(stage, 'anna')).toEqual(['fast']);
  });

  test('cannot answer what was closed meanwhile', async () => {
    const backEnd = await startBackEnd(() => ({ status: 202 }));
    const { stage, simulator, database } = await setScene(backEnd);
    await simulator.user('anna').say('one');
    await awaited(stage);
    await database.rows(`select wechat.cancel_message(id) from wechat.inbound_message`);
    expect(await post(backEnd.requests[0], 'later')).toMatchObject({ status: 410 });
    expect(sends(stage)).toEqual([]);
  });

  test('is told its callback until the reply window ends, if that is sooner', async () => {
    const backEnd = await startBackEnd(() => ({ status: 202 }));
    const { simulator, database } = await setScene(backEnd, {
      WINDOW_MESSAGE: '5/30s',
      REPLIES_CALLBACK_WAIT: '3600',
    });
    await simulator.user('anna').say('one');
    const request = await waitFor('a request', () => backEnd.requests[0]);
    const [row] = await database.rows<{ window_ends_at: Date }>(
      'select window_ends_at from wechat.inbound_message',
    );
    expect(request.body.callback?.expiresAt).toBe(row?.window_ends_at.toISOString());
  });
});

test('a token that nobody gave out is unknown, whatever is posted', async () => {
  const backEnd = await startBackEnd(() => ({ status: 204 }));
  const { service } = await setScene(backEnd);
  const base = new URL(service.webhookUrl).origin;
  for (const token of ['x'.repeat(43), 'short', `${'x'.repeat(43)}/more`, '%00']) {
    for (const body of ['"hi"', 'nonsense']) {
      const { status } = await fetch(`${base}/replies/callback/${token}`, { method: 'POST', body });
      expect([token, status]).toEqual([token, 404]);
    }
  }
});

test('without REPLIES_CALLBACK_URL there is neither a callback nor its route, and nothing is stored', async () => {
  const backEnd = await startBackEnd(() => ({ status: 200, json: 'hi' }));
  const { stage, simulator, database, service } = await setScene(backEnd, { REPLIES_CALLBACK_URL: '' });
  await simulator.user('anna').say('one');
  await settled(database, 1);
  expect(backEnd.requests[0]?.body.callback).toBeNull();
  expect(await rowsOf(stage)).toEqual([]);
  const url = `${new URL(service.webhookUrl).origin}/replies/callback/${'x'.repeat(43)}`;
  expect((await fetch(url, { method: 'POST', body: '"hi"' })).status).toBe(404);
});

describe('what is stored of a callback', () => {
  test('goes when the back end answers at once', async () => {
    const backEnd = await startBackEnd(() => ({ status: 200, json: 'hi' }));
    const { stage, simulator, database } = await setScene(backEnd);
    await Promise.all(['anna', 'ben', 'cora'].map((user) => simulator.user(user).say('one')));
    await settled(database, 3);
    await waitFor('no callback', async () => (await rowsOf(stage)).length === 0);
  });

  test('holds the token as a digest alone, and goes an hour after it has expired', async () => {
    const backEnd = await startBackEnd(() => ({ status: 202 }));
    const { stage, simulator, database } = await setScene(backEnd);
    await simulator.user('anna').say('one');
    await awaited(stage);
    const [request] = backEnd.requests;
    expect(JSON.stringify(await rowsOf(stage))).not.toContain(request?.body.callback?.token);
    expect(await deleteExpiredCallbacks(database.pool)).toBe(0);
    await database.rows(`update wechat.reply_callback set expires_at = now() - interval '61 minutes'`);
    expect(await deleteExpiredCallbacks(database.pool)).toBe(1);
  });

  test('goes with a user who is forgotten', async () => {
    const backEnd = await startBackEnd(() => ({ status: 202 }));
    const { stage, simulator, database, account } = await setScene(backEnd);
    await simulator.user('anna').say('one');
    await awaited(stage);
    await post(backEnd.requests[0], 'my secret');
    await settled(database, 1);
    await forget(database, account.appId, 'anna');
    expect(await rowsOf(stage)).toEqual([]);
  });
});

describe('a back end that is away', () => {
  test('is asked again, longer than reply logic that fails, and everything is answered in order', async () => {
    let failures = 0;
    const backEnd = await startBackEnd(({ body }) => {
      failures += 1;
      return failures <= 9 ? { status: 503 } : { status: 200, json: `re: ${body.message.content}` };
    });
    const { stage, simulator, database } = await setScene(backEnd);
    for (const text of ['one', 'two', 'three']) await simulator.user('anna').say(text);
    await settled(database, 3);
    expect(textsOf(stage, 'anna')).toEqual(['re: one', 're: two', 're: three']);
  });

  test('until after the reply window lets the message fail at once, with the reason', async () => {
    const backEnd = await startBackEnd(() => ({ status: 429, headers: { 'retry-after': '600' } }));
    const { simulator, database } = await setScene(backEnd, { WINDOW_MESSAGE: '5/60s' });
    await simulator.user('anna').say('one');
    const [row] = await waitFor('the failure', async () => {
      const rows = await database.rows<{ error: string }>(
        `select error from wechat.inbound_message where status = 'failed'`,
      );
      return rows.length > 0 && rows;
    });
    expect(row?.error).toMatch(/responded with 429; the reply window ends before the next try/);
    expect(backEnd.requests).toHaveLength(1);
  });

  test('by its own word is not asked before', async () => {
    const at: number[] = [];
    const backEnd = await startBackEnd(() => {
      at.push(Date.now());
      return at.length === 1 ? { status: 503, headers: { 'retry-after': '1' } } : { status: 200, json: 'hi' };
    });
    const { simulator, database } = await setScene(backEnd);
    await simulator.user('anna').say('one');
    await settled(database, 1);
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(990);
  });

  test('with 4xx fails the message at once', async () => {
    const backEnd = await startBackEnd(() => ({ status: 400, text: 'no' }));
    const { simulator, database } = await setScene(backEnd);
    await simulator.user('anna').say('one');
    await waitFor('the failure', async () => {
      const rows = await database.rows(`select from wechat.inbound_message where status = 'failed'`);
      return rows.length === 1;
    });
    await sleep(100);
    expect(backEnd.requests).toHaveLength(1);
  });
});

test('a back end that leaves a message to others is followed by the next', async () => {
  const first = await startBackEnd(() => ({ status: 200, json: { next: true } }));
  const second = await startBackEnd(() => ({ status: 202 }));
  const { stage, simulator, database } = await setScene(first, { REPLIES: `${first.url}, ${second.url}2` });
  await simulator.user('anna').say('one');
  await awaited(stage);
  expect(await post(second.requests[0], 'by the second')).toEqual(accepted);
  await settled(database, 1);
  expect(textsOf(stage, 'anna')).toEqual(['by the second']);
  expect(second.requests).toHaveLength(1);
});
