import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { deleteOld } from '../../../src/outbox/retention.js';
import { SourceError } from '../../../src/replies/source.js';
import { eventMessage, textMessage } from '../../support/messages.js';
import { setModel, toReplies } from './support.js';

describe('a model answers', () => {
  test('what has words in it, and leaves the rest to others', async () => {
    const { ask, answer, contextOf } = await setModel();
    expect(await ask('你好')).toEqual(['回：你好']);
    const event = eventMessage('subscribe');
    expect(await answer(contextOf('', { message: event, messages: [event] }))).toBeUndefined();
  });

  test('with the key, the system prompt and the parameters that the file names', async () => {
    const { ask, stub } = await setModel({ system: '你是店员。', temperature: 0.3, maxOutputTokens: 99 });
    await ask('你好');
    expect(stub.calls).toMatchObject([
      {
        authorization: 'Bearer test-key',
        body: {
          ...{ model: 'stub-1', stream: true, temperature: 0.3, max_tokens: 99 },
          messages: [
            { role: 'system', content: '你是店员。' },
            { role: 'user', content: '你好' },
          ],
        },
      },
    ]);
  });

  test('bearing the mark of what a model wrote, unless the file says no; our own words never', async () => {
    const { answer, contextOf } = await setModel();
    expect(toReplies(await answer(contextOf('你好')))).toEqual([
      { type: 'text', content: '回：你好', isAi: true },
    ]);
    expect(toReplies(await answer(contextOf('忘记我')))).toEqual([
      { type: 'text', content: '好的，之前聊过的我都不再看了。' },
    ]);
    const other = await setModel({ markAsAi: false });
    expect(toReplies(await other.answer(other.contextOf('你好')))).toEqual([
      { type: 'text', content: '回：你好' },
    ]);
  });

  test('several messages of the user together', async () => {
    const { answer, contextOf, stub } = await setModel();
    const messages = ['在吗', '有货吗'].map((content) => textMessage({ content }));
    await answer(contextOf('有货吗', { messages }));
    expect(stub.calls[0]?.asked).toBe('在吗\n有货吗');
  });

  test('and what it wrote in Markdown arrives as text', async () => {
    const { ask, stub } = await setModel();
    stub.behave({ kind: 'answer', text: '**好的**，见[这里](https://a.example/)。' });
    expect(await ask('？')).toEqual(['好的，见<a href="https://a.example/">这里</a>。']);
  });

  test('once for a message, however often the reply logic is started for it', async () => {
    const { answer, contextOf, stub, records } = await setModel();
    const context = contextOf('你好');
    const first = await answer(context);
    expect(await answer(context)).toEqual(first);
    expect(stub.completed('你好')).toBe(1);
    expect(await records()).toHaveLength(1);
  });

  test('also where what it wrote could not be stored as it is', async () => {
    const { answer, contextOf, stub, records } = await setModel();
    const text = `一\0二\u001b三\ud83d${'长'.repeat(30_000)}`;
    stub.behave({
      ...{ kind: 'answer', text, finishReason: 'st\0op' },
      usage: { prompt: 1e12, completion: 3 },
    });
    const context = contextOf('你好');
    const [first] = toReplies(await answer(context));
    expect(first).toMatchObject({ content: expect.stringMatching(/^一二三\ufffd长/) });
    await answer(context);
    expect(stub.calls).toHaveLength(1);
    expect(await records()).toMatchObject([
      { outcome: 'completed', finish_reason: 'stop', tokens_estimated: true },
    ]);
  });

  test('and every call is on record with its tokens and its cost', async () => {
    const { ask, stub, records } = await setModel({ prices: { input: 2, output: 8 } });
    await ask('一');
    stub.behave({ kind: 'answer', text: '没有用量', usage: undefined });
    await ask('二');
    expect(await records()).toMatchObject([
      {
        ...{
          message_id: '1',
          purpose: 'answer',
          step: 1,
          outcome: 'completed',
          finish_reason: 'stop',
          error: null,
        },
        ...{
          prompt_tokens: 100,
          completion_tokens: 20,
          tokens_estimated: false,
          cost: 0.00036,
          currency: 'CNY',
        },
      },
      { outcome: 'completed', completion_tokens: 4, tokens_estimated: true },
    ]);
  });
});

describe('it remembers', () => {
  test('what was said before, an agent’s words included', async () => {
    const { ask, stub, turns } = await setModel();
    await ask('我叫小明');
    const agent = {
      from: 'agent',
      text: '我是客服小红',
      agent: 'red',
      type: 'text',
      at: new Date(),
    } as const;
    turns.push({ ...agent, messageId: '1', openid: 'oUser' });
    await ask('别人', { openid: 'oOther' });
    await ask('我叫什么');
    expect(stub.calls.at(-1)?.body.messages).toEqual([
      { role: 'user', content: '我叫小明' },
      { role: 'assistant', content: '回：我叫小明\n我是客服小红' },
      { role: 'user', content: '我叫什么' },
    ]);
  });

  test('nothing from before a reset word', async () => {
    const { ask, stub, database } = await setModel();
    await ask('我叫小明');
    expect(await ask(' 忘记我 ')).toEqual(['好的，之前聊过的我都不再看了。']);
    await ask('我叫什么');
    expect(stub.calls.at(-1)?.body.messages).toEqual([{ role: 'user', content: '我叫什么' }]);
    expect(await database.rows('select forgotten_up_to::text, summary from wechat.model_memory')).toEqual([
      { forgotten_up_to: '2', summary: null },
    ]);
  });

  test.each(['忘记我。', '忘记我！', ' ／RESET '])('nor from before %j', async (word) => {
    const { ask } = await setModel();
    expect(await ask(word)).toEqual(['好的，之前聊过的我都不再看了。']);
  });

  test('nor from before a reset word that was sent in one go with the next question', async () => {
    const { ask, stub } = await setModel();
    await ask('我叫小明');
    const messages = ['再见', '忘记我', '你好'].map((content) => textMessage({ content }));
    await ask('你好', { messages });
    const sent = () => stub.calls.at(-1)?.body.messages.map(({ content }) => content);
    expect(sent()).toEqual(['你好']);
    await ask('我叫什么');
    expect(sent()).toEqual(['你好', '回：你好', '我叫什么']);
  });

  test('what is longer than the budget as a summary, which is made once and kept', async () => {
    const { ask, stub, records } = await setModel({ memory: { turns: 50, tokens: 60 } });
    stub.behave(({ body }) => ({
      kind: 'answer',
      text: String(body.messages[0]?.content).startsWith('你为一段对话写摘要') ? '用户叫小明。' : '好的。',
    }));
    for (const said of [
      '我叫小明，住在上海',
      '我想买一本关于海洋的书',
      '最好是给孩子看的那种',
      '价格不要超过一百块钱',
      '有吗',
    ])
      await ask(said);
    const summaries = stub.calls.filter(({ body }) =>
      String(body.messages[0]?.content).startsWith('你为一段对话写摘要'),
    );
    expect(summaries.length).toBeGreaterThan(0);
    expect(summaries[0]?.asked).toContain('用户：我叫小明，住在上海');
    const last = stub.calls.at(-1)?.body.messages ?? [];
    expect(last[0]).toEqual({ role: 'system', content: '此前对话的摘要：\n用户叫小明。' });
    expect(JSON.stringify(last)).not.toContain('住在上海');
    expect((await records()).filter(({ purpose }) => purpose === 'summary')).toHaveLength(summaries.length);
  });

  test('and answers all the same where no summary can be had', async () => {
    const { ask, stub } = await setModel({ memory: { turns: 50, tokens: 30 } });
    stub.behave(({ body }) =>
      String(body.messages[0]?.content).startsWith('你为')
        ? { kind: 'status', status: 500 }
        : { kind: 'answer', text: '好的。' },
    );
    for (const said of ['我叫小明，住在上海', '我想买一本关于海洋的书', '有吗'])
      expect(await ask(said)).toEqual(['好的。']);
  });
});

describe('a long answer', () => {
  const long = Array.from(
    { length: 12 },
    (_, index) => `第${index + 1}段。${'这是一句话。'.repeat(60)}`,
  ).join('\n\n');

  test('comes in as many messages as may be sent, and the rest when the user wants to go on', async () => {
    const { ask, stub } = await setModel();
    stub.behave({ kind: 'answer', text: long });
    const window = { endsAt: new Date(Date.now() + 60_000), quota: 2 };
    const first = await ask('讲个故事', { window });
    expect(first).toHaveLength(2);
    expect(first[1]).toMatch(/（回复“继续”）$/);
    const said = [...first];
    for (let more = await ask('继续', { window }); ; more = await ask('继续', { window })) {
      said.push(...more);
      if (!more.at(-1)?.endsWith('（回复“继续”）')) break;
    }
    const bare = (text: string) => text.replaceAll('（回复“继续”）', '').replace(/\s/g, '');
    expect(bare(said.join(''))).toBe(bare(long));
    expect(stub.calls).toHaveLength(1);
    // Nothing is left: now the model goes on by itself.
    stub.behave({ kind: 'answer', text: '没有了。' });
    expect(await ask('继续', { window })).toEqual(['没有了。']);
  });

  test('goes on the same when the reply logic is started again for the same message', async () => {
    const { ask, answer, contextOf, stub } = await setModel();
    stub.behave({ kind: 'answer', text: long });
    const window = { endsAt: new Date(Date.now() + 60_000), quota: 1 };
    await ask('讲个故事', { window });
    const context = contextOf('继续', { window });
    const first = await answer(context);
    expect(await answer(context)).toEqual(first);
  });

  test('is over with the next question', async () => {
    const { ask, stub } = await setModel();
    stub.behave({ kind: 'answer', text: long });
    await ask('讲个故事', { window: { endsAt: new Date(), quota: 1 } });
    stub.behave({ kind: 'answer', text: '好的。' });
    await ask('换个话题');
    expect(await ask('继续')).toEqual(['好的。']);
  });
});

describe('what goes wrong', () => {
  test.each([
    ['a stream that stalls', { kind: 'stall' }, 'stalled'],
    ['a stream that breaks off', { kind: 'break' }, 'broken'],
    ['a stream that ends early', { kind: 'end early' }, 'broken'],
    ['HTTP 500', { kind: 'status', status: 500 }, 'unavailable'],
    ['429 without a time', { kind: 'status', status: 429 }, 'rate_limited'],
  ] as const)('%s is tried again, and ends in a polite word', async (_name, behaviour, outcome) => {
    const { answer, contextOf, stub, records } = await setModel({ tries: 2, stallTimeout: '1s' });
    stub.behave(behaviour);
    const context = contextOf('你好');
    await expect(answer(context)).rejects.toMatchObject({ code: 'MODEL', kind: outcome });
    expect(await answer(context)).toBe('抱歉，我现在答不上来，请稍后再试。');
    expect(await records()).toMatchObject([{ outcome }, { outcome, error: expect.any(String) }]);
  });

  test('a failure is followed by an answer when it is tried again', async () => {
    const { answer, contextOf, stub } = await setModel();
    stub.behave({ kind: 'break' });
    const context = contextOf('你好');
    await expect(answer(context)).rejects.toThrow();
    stub.behave({ kind: 'answer', text: '来了。' });
    expect(toReplies(await answer(context))).toMatchObject([{ content: '来了。' }]);
  });

  test('429 with Retry-After waits for that, but not for ever', async () => {
    const { answer, contextOf, stub, setTime } = await setModel();
    const now = new Date();
    setTime(now);
    stub.behave({ kind: 'status', status: 429, retryAfter: '7' });
    expect(await answer(contextOf('你好'))).toEqual({ until: new Date(now.getTime() + 7_000) });
    stub.behave({ kind: 'status', status: 429, retryAfter: '86400' });
    expect(await answer(contextOf('你好'))).toBe('抱歉，我现在答不上来，请稍后再试。');
    const soon = { endsAt: new Date(now.getTime() + 5_000), quota: 5 };
    stub.behave({ kind: 'status', status: 429, retryAfter: '7' });
    expect(await answer(contextOf('你好', { window: soon }))).toBe('抱歉，我现在答不上来，请稍后再试。');
  });

  test.each([
    [401, /HTTP 401.*apiKey/],
    [403, /HTTP 403.*key/],
    [404, /HTTP 404.*baseUrl and model/],
    [400, /HTTP 400.*stub/],
  ])('HTTP %i is a failure in words for the operator, at once', async (status, words) => {
    const { answer, contextOf, stub, records } = await setModel();
    stub.behave({ kind: 'status', status });
    const error = await Promise.resolve(answer(contextOf('你好'))).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ retry: 'never', message: expect.stringMatching(words) });
    expect(await records()).toMatchObject([{ outcome: 'refused' }]);
  });

  test.each([['nonsense'], ['garbage']] as const)('%s is a failure at once', async (kind) => {
    const { answer, contextOf, stub, records } = await setModel();
    stub.behave({ kind });
    await expect(answer(contextOf('你好'))).rejects.toMatchObject({ code: 'SOURCE', retry: 'never' });
    expect(await records()).toMatchObject([{ outcome: 'nonsense' }]);
  });

  test('no server at all is tried again', async () => {
    const { answer, contextOf } = await setModel({ baseUrl: 'http://127.0.0.1:1/v1' });
    await expect(answer(contextOf('你好'))).rejects.toMatchObject({ code: 'MODEL', kind: 'unavailable' });
  });

  test('an answer that takes too long is broken off with a polite word', async () => {
    const { answer, contextOf, stub, records } = await setModel({ timeout: '1s', apology: '请稍等。' });
    stub.behave({ kind: 'answer', text: '慢'.repeat(400), pauseMs: 200 });
    expect(await answer(contextOf('你好'))).toBe('请稍等。');
    expect(await records()).toMatchObject([{ outcome: 'timeout' }]);
  });

  test('a process that must stop breaks off, and nothing is decided', async () => {
    const { answer, contextOf, stub, records } = await setModel();
    stub.behave({ kind: 'stall' });
    const stop = new AbortController();
    const running = answer(contextOf('你好', { signal: stop.signal }));
    await expect.poll(() => stub.calls.length).toBe(1);
    stop.abort(new Error('stop'));
    await expect(running).rejects.toMatchObject({ kind: 'stopped' });
    expect(await records()).toMatchObject([{ outcome: 'stopped' }]);
  });

  test('an answer without words, as a filter leaves it, is a polite word', async () => {
    const { ask, stub } = await setModel();
    stub.behave({ kind: 'answer', text: '', finishReason: 'content_filter' });
    expect(await ask('你好')).toEqual(['抱歉，我现在答不上来，请稍后再试。']);
  });
});

describe('tools', () => {
  async function startShop(status = 200) {
    const asked: { body: unknown; authorization: string | undefined }[] = [];
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      asked.push({
        body: JSON.parse(Buffer.concat(chunks).toString()),
        authorization: request.headers.authorization,
      });
      response.writeHead(status).end('还有 3 本');
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/stock`;
    const parameters = { type: 'object', properties: { title: { type: 'string' } }, required: ['title'] };
    return { asked, tools: [{ name: 'stock', description: '查库存', parameters, url }] };
  }
  const call = { id: 'call_1', name: 'stock', arguments: '{"title":"海洋"}' };

  test('are called by HTTP with what the model says and whose message it is, once for a message', async () => {
    const { asked, tools } = await startShop();
    const { answer, contextOf, stub, records } = await setModel({ tools });
    stub.behave(({ body }) =>
      body.messages.some(({ role }) => role === 'tool')
        ? { kind: 'answer', text: '还有三本。' }
        : { kind: 'tools', calls: [call] },
    );
    const context = contextOf('有《海洋》吗');
    expect(toReplies(await answer(context))).toMatchObject([{ content: '还有三本。' }]);
    await answer(context);
    expect(asked).toEqual([
      {
        body: { arguments: { title: '海洋' }, appId: 'wx1', openid: 'oUser', messageId: '1' },
        authorization: 'Bearer tool-secret',
      },
    ]);
    expect(stub.calls).toHaveLength(2);
    expect(stub.calls[0]?.body.tools).toMatchObject([
      { function: { name: 'stock', parameters: tools[0]?.parameters } },
    ]);
    expect(stub.calls[1]?.body.messages.at(-1)).toEqual({
      role: 'tool',
      tool_call_id: 'call_1',
      content: '还有 3 本',
    });
    expect(await records()).toMatchObject([{ step: 1, finish_reason: 'tool_calls' }, { step: 2 }]);
  });

  test.each([
    ['fails', 503, call, /^error: HTTP 503/],
    ['is not there', 200, { ...call, name: 'other' }, /^error: there is no tool other|^error: .*other/],
    ['is asked in no JSON', 200, { ...call, arguments: '{' }, /^error: /],
  ])('one that %s is told to the model', async (_name, status, asking, result) => {
    const { tools } = await startShop(status);
    const { ask, stub } = await setModel({ tools });
    stub.behave(({ body }) =>
      body.messages.some(({ role }) => role === 'tool')
        ? { kind: 'answer', text: '查不到。' }
        : { kind: 'tools', calls: [asking] },
    );
    expect(await ask('有吗')).toEqual(['查不到。']);
    expect(String(stub.calls[1]?.body.messages.at(-1)?.content)).toMatch(result);
  });

  test('a model that asks without end is given up', async () => {
    const { tools } = await startShop();
    const { answer, contextOf, stub } = await setModel({ tools });
    stub.behave({ kind: 'tools', calls: [call] });
    await expect(answer(contextOf('有吗'))).rejects.toMatchObject({ retry: 'never' });
    expect(stub.calls).toHaveLength(6);
  });
});

describe('the budget of a day', () => {
  test('of a user in messages', async () => {
    const { ask, stub } = await setModel({ budget: { user: { messages: 2 }, notice: '明天见。' } });
    await ask('一');
    stub.behave({ kind: 'status', status: 404 });
    await ask('失败的不算').catch(() => undefined);
    stub.behave({ kind: 'answer', text: '好。' });
    expect(await ask('二')).toEqual(['好。']);
    expect(await ask('三')).toEqual(['明天见。']);
    expect(await ask('一', { openid: 'oOther' })).toEqual(['好。']);
  });

  test('of an account in tokens, and it begins anew at midnight of the zone', async () => {
    const { ask, setTime, database } = await setModel({
      budget: { account: { tokens: 200 }, notice: '明天见。' },
    });
    await ask('一');
    setTime(new Date(Date.now() + 5_000));
    await ask('二', { openid: 'oOther' });
    setTime(new Date(Date.now() + 10_000));
    expect(await ask('三')).toEqual(['明天见。']);
    await database.rows(`update wechat.model_call set started_at =
      date_trunc('day', now() at time zone 'Asia/Shanghai') at time zone 'Asia/Shanghai' - interval '1 second'`);
    setTime(new Date(Date.now() + 15_000));
    expect(await ask('四')).toEqual(['回：四']);
  });

  test('does not change its mind about a message that was answered', async () => {
    const { answer, contextOf, ask } = await setModel({ budget: { user: { messages: 1 } } });
    const context = contextOf('一');
    const first = await answer(context);
    await ask('二');
    expect(await answer(context)).toEqual(first);
  });
});

test('the record of a message goes with it', async () => {
  const { ask, stub, database, records } = await setModel();
  stub.behave({ kind: 'answer', text: '长。'.repeat(3_000) });
  await ask('讲个故事', { window: { endsAt: new Date(), quota: 1 } });
  await database.rows(
    `insert into wechat.inbound_message (id, app_id, openid, slot, dedupe_key, msg_type, payload, created_at, received_at, status, settled_at)
     overriding system value
     values (1, 'wx1', 'oUser', '', 'k', 'text', '{}', now() - interval '9 days', now() - interval '9 days', 'settled', now() - interval '9 days')`,
  );
  expect(await deleteOld(database.pool, { afterId: '0', limit: 10, days: 8 })).toMatchObject({ deleted: 1 });
  expect(await records()).toEqual([]);
  expect(await database.rows('select from wechat.model_rest')).toEqual([]);
});

test('who is forgotten is forgotten here as well; the calls stay, without them', async () => {
  const { ask, stub, database, records } = await setModel();
  await ask('我叫小明');
  await ask('忘记我');
  stub.behave({ kind: 'answer', text: '长。'.repeat(3_000) });
  await ask('讲个故事', { window: { endsAt: new Date(), quota: 1 } });
  expect(await database.rows('select from wechat.model_rest')).not.toEqual([]);
  await database.rows(`select wechat.forget('wx1', 'oUser')`);
  expect(await database.rows('select from wechat.model_memory')).toEqual([]);
  expect(await database.rows('select from wechat.model_rest')).toEqual([]);
  expect(await database.rows(`select from wechat.model_call where openid = 'oUser'`)).toEqual([]);
  expect(await records()).toHaveLength(2);
});
