import { describe, expect, test } from 'vitest';
import { hookCheck } from '../../../src/replies/checks/hooks.js';
import { loadSource } from '../../../src/replies/open.js';
import type { BeforeSend } from '../../../src/replies/router.js';
import { sourceOf } from '../../../src/replies/source.js';
import { byAi, fromAgent, news, type Reply, text } from '../../../src/wechat/out/reply.js';
import { textMessage } from '../../support/messages.js';
import { replyContext } from '../../support/reply-context.js';
import { sourceOptions } from '../../support/sources.js';
import { setStage, settled } from '../../support/stage.js';
import { waitFor } from '../../support/wait.js';
import { writeModule } from '../../support/worker-process.js';

const contentOf = (reply: Reply) => (reply.type === 'text' ? reply.content : '');

describe('beforeSend', () => {
  test('sees each reply as it would be sent, may change or take it out, and the next hook sees what it made of it', async () => {
    const { simulator, database, start } = await setStage();
    const seen: string[] = [];
    const first: BeforeSend = (reply, { message }) => {
      seen.push(`${message.kind} ${reply.type}`);
      if (contentOf(reply) === 'drop') return false;
      return reply.type === 'text' ? `${reply.content}!` : undefined;
    };
    const second: BeforeSend = async (reply) =>
      contentOf(reply) === 'one!' ? { ...reply, kfAccount: 'anna@shop' } : undefined;
    const articles = news({ title: 'A', url: 'https://a.example' }, { title: 'B', url: 'https://b.example' });
    await start({
      sources: [
        sourceOf('one', () => ['one', 'drop', articles], first),
        sourceOf('two', () => undefined, second),
      ],
    });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    // Several articles are several messages by then.
    expect(seen).toEqual(['text text', 'text text', 'text news', 'text news']);
    const payloads = await database.rows<{ payload: Record<string, unknown> }>(
      'select payload from wechat.delivery order by position',
    );
    expect(payloads.map(({ payload }) => payload)).toMatchObject([
      { text: { content: 'one!' }, customservice: { kf_account: 'anna@shop' } },
      { msgtype: 'news' },
      { msgtype: 'news' },
    ]);
  });

  test('that says it in other words leaves it to the same agent, and the mark of a model on it', async () => {
    const hook = hookCheck((reply) => `${contentOf(reply)}!`);
    const reply = byAi(fromAgent('anna@shop', text('hi')));
    expect(await hook(reply, replyContext(textMessage()), 1)).toEqual({
      kind: 'pass',
      reply: { type: 'text', content: 'hi!', kfAccount: 'anna@shop', isAi: true },
    });
  });

  test('that makes a reply too long has it split, and cut to the allowance', async () => {
    const { simulator, database, start } = await setStage();
    const longer: BeforeSend = (reply) => `${contentOf(reply)} ${'x'.repeat(3_000)}`;
    await start({
      sources: [sourceOf('test', () => ['1', '2', '3'], longer)],
      settings: { OVERFLOW_NOTICE: ' (more)' },
    });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(simulator.inboxOf('oUser')).toHaveLength(5);
    expect(await database.rows('select error from wechat.inbound_message')).toEqual([
      { error: 'the reply was cut: at least 6 messages, and the reply window allows 5' },
    ]);
  });

  test('that refuses lets none of the replies out: the message fails with its reason, and the logic runs once', async () => {
    const { simulator, database, start } = await setStage();
    let runs = 0;
    const replies = () => {
      runs += 1;
      return ['fine', 'secret'];
    };
    const refuse: BeforeSend = (reply) =>
      contentOf(reply) === 'secret' ? { refuse: 'it tells a secret' } : undefined;
    await start({ sources: [sourceOf('test', replies, refuse)] });
    await simulator.user('oUser').say('hello');
    await waitFor('the end', async () => {
      const [row] = await database.rows<{ status: string }>('select status from wechat.inbound_message');
      return row?.status === 'failed';
    });
    expect(await database.rows('select error from wechat.inbound_message')).toEqual([
      { error: 'stopped by a check: reply 2: it tells a secret' },
    ]);
    expect(simulator.inboxOf('oUser')).toEqual([]);
    expect(runs).toBe(1);
  });

  test('that hands over sends none, and asks for a person', async () => {
    const { simulator, database, start } = await setStage();
    const handOver: BeforeSend = () => ({ handOver: 'the answer is about money' });
    await start({ sources: [sourceOf('test', () => 'pay', handOver)] });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(await database.rows('select openid, reason from wechat.handover')).toEqual([
      { openid: 'oUser', reason: 'the answer is about money' },
    ]);
    expect(simulator.inboxOf('oUser')).toEqual([]);
  });

  test('that throws, or returns what is no answer, is a failure of the reply logic, which is started again', async () => {
    const { simulator, database, start } = await setStage();
    const answers: unknown[] = [
      () => {
        throw new Error('the hook broke');
      },
      () => ({ refuse: '' }),
      () => ({ type: 'telegram' }),
      () => undefined,
    ];
    const hook = (() => (answers.shift() as () => undefined)()) as BeforeSend;
    const service = await start({ sources: [sourceOf('test', () => 'hello', hook)] });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(simulator.inboxOf('oUser').map((one) => one.text)).toEqual(['hello']);
    const errors = service.logged
      .filter(({ event }) => event === 'reply_logic_failed')
      .map(({ error }) => error);
    expect(errors).toEqual([
      'Error: the hook broke',
      'InvalidReplyError: beforeSend: refuse needs a reason, and "" is none',
      'InvalidReplyError: reply 1 has the unknown type "telegram"',
    ]);
  });

  test('has the time of the reply logic, together with it', async () => {
    const { simulator, database, start } = await setStage();
    let hasEnded = false;
    const hang: BeforeSend = (_reply, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          hasEnded = true;
          reject(signal.reason);
        });
      });
    const service = await start({
      sources: [sourceOf('test', () => text('hello'), hang)],
      settings: { REPLY_TIMEOUT: '0.2' },
    });
    await simulator.user('oUser').say('hello');
    const failed = await waitFor('the failure', () =>
      service.logged.find(({ event }) => event === 'reply_logic_failed'),
    );
    expect(failed.error).toBe('the reply logic took longer than 200 ms');
    expect(hasEnded).toBe(true);
    expect(await database.rows('select from wechat.delivery')).toEqual([]);
  });
});

describe('a module', () => {
  test('that exports beforeSend alone answers nothing, and checks what the others say', async () => {
    const { simulator, database, start } = await setStage();
    const hook = writeModule(`export const beforeSend = (reply) => reply.content.toUpperCase();`);
    const replies = writeModule(`export const replies = () => 'hello';`);
    await start({
      sources: [await loadSource(hook, sourceOptions()), await loadSource(replies, sourceOptions())],
    });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(simulator.inboxOf('oUser').map((one) => one.text)).toEqual(['HELLO']);
  });

  test('with a beforeSend that is no function is refused', async () => {
    const file = writeModule(`export const replies = () => 'hello'; export const beforeSend = 'yes';`);
    await expect(loadSource(file, sourceOptions())).rejects.toMatchObject({
      ...{ code: 'REPLIES', message: expect.stringContaining('"beforeSend" must be a function') },
    });
  });
});
