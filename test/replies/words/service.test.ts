import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { setStage, settled } from '../../support/stage.js';
import { scratchDirectory } from '../../support/temporary-directory.js';
import { waitFor } from '../../support/wait.js';

const list = `
categories:
  scam: { action: refuse, words: [刷单] }
  politics: { action: refuse, words: [选举], reply: 这个问题我不便回答。 }
  rude: { action: mask, words: [笨蛋, 白痴] }
  crisis: { action: handOver, words: [自杀], reply: 马上为您转接人工客服。, inbound: true }
  abuse: { action: refuse, words: [滚开], reply: 请文明用语。, inbound: true }
`;

function writeWords(source: string): string {
  const file = path.join(scratchDirectory(), 'words.yaml');
  writeFileSync(file, source);
  return file;
}

const checks =
  'select position, category, action, places from wechat.reply_check order by message_id, position, category';

describe('a word list', () => {
  test('masks, refuses, says something else or asks for a person, and puts on record what was found, not the word', async () => {
    const { simulator, database, start } = await setStage();
    const service = await start({
      replies: ({ message }) => (message.kind === 'text' ? [message.content, 'and more'] : undefined),
      settings: { WORDS_FILE: writeWords(list) },
    });
    const said = async (openid: string, text: string) => {
      await simulator.user(openid).say(text);
    };
    await said('oMask', '你这个笨 蛋，白痴');
    await said('oInstead', '说说选举');
    await said('oRefuse', '怎么刷单');
    await waitFor('the end of all', async () => {
      const ended = await database.rows(`select from wechat.inbound_message where status <> 'received'`);
      return ended.length === 3;
    });
    const inbox = (openid: string) => simulator.inboxOf(openid).map(({ text }) => text);
    expect(inbox('oMask')).toEqual(['你这个* *，**', 'and more']);
    expect(inbox('oInstead')).toEqual(['这个问题我不便回答。']);
    expect(inbox('oRefuse')).toEqual([]);
    expect(
      await database.rows('select openid, status, error from wechat.inbound_message order by id'),
    ).toEqual([
      { openid: 'oMask', status: 'settled', error: null },
      {
        openid: 'oInstead',
        status: 'settled',
        error: 'stopped by a check: reply 1: words of the category politics',
      },
      {
        openid: 'oRefuse',
        status: 'failed',
        error: 'stopped by a check: reply 1: words of the category scam',
      },
    ]);
    expect(await database.rows(checks)).toEqual([
      { position: 1, category: 'rude', action: 'mask', places: 2 },
      { position: 1, category: 'politics', action: 'refuse', places: 1 },
      { position: 1, category: 'scam', action: 'refuse', places: 1 },
    ]);
    const logged = service.logged.filter(({ event }) => event === 'words_found');
    expect(logged.map(({ category }) => category)).toEqual(
      expect.arrayContaining(['rude', 'politics', 'scam']),
    );
    expect(JSON.stringify(logged)).not.toMatch(/笨|选举|刷单/);
  });

  test('keeps the reply logic from running for what users write, where a category says so', async () => {
    const { simulator, database, start } = await setStage();
    let runs = 0;
    await start({
      replies: () => {
        runs += 1;
        return 'hello';
      },
      settings: { WORDS_FILE: writeWords(list) },
    });
    await simulator.user('oAbuse').say('给我滚 开');
    await simulator.user('oCrisis').say('我想自杀');
    await simulator.user('oRude').say('笨蛋');
    await settled(database, 3);
    const inbox = (openid: string) => simulator.inboxOf(openid).map(({ text }) => text);
    expect([inbox('oAbuse'), inbox('oCrisis'), inbox('oRude')]).toEqual([
      ['请文明用语。'],
      ['马上为您转接人工客服。'],
      ['hello'],
    ]);
    expect(runs).toBe(1);
    expect(await database.rows('select openid, reason from wechat.handover')).toEqual([
      { openid: 'oCrisis', reason: 'words of the category crisis' },
    ]);
    expect(await database.rows(`select error from wechat.inbound_message where openid = 'oAbuse'`)).toEqual([
      { error: 'stopped by a check: what the user wrote: words of the category abuse' },
    ]);
    expect(await database.rows(checks)).toMatchObject([
      { position: 0, category: 'abuse' },
      { position: 0, category: 'crisis' },
    ]);
  });

  test('looks at all that is answered together', async () => {
    const { simulator, database, start } = await setStage();
    await start({
      replies: () => 'hello',
      settings: { WORDS_FILE: writeWords(list), MERGE_WITHIN: '1' },
    });
    const user = simulator.user('oUser');
    await user.say('滚开');
    await user.say('对不起');
    await settled(database, 2);
    expect(simulator.inboxOf('oUser').map(({ text }) => text)).toEqual(['请文明用语。']);
  });

  test('is read again when its file changes; one that is wrong changes nothing, and is told with its place', async () => {
    const { simulator, database, start } = await setStage();
    const file = writeWords('categories:\n  rude: { action: mask, words: [笨蛋] }');
    const service = await start({
      replies: ({ message }) => (message.kind === 'text' ? message.content : undefined),
      settings: { WORDS_FILE: file },
    });
    const event = (name: string) => service.logged.find((line) => line.event === name);
    writeFileSync(file, 'categories:\n  rude: { action: hide, words: [白痴] }');
    expect(await waitFor('the refusal', () => event('words_refused'))).toMatchObject({
      error: expect.stringContaining('2:11 categories.rude.action must be refuse, mask or handOver'),
    });
    await simulator.user('oOne').say('笨蛋白痴');
    await settled(database, 1);
    expect(simulator.inboxOf('oOne').map(({ text }) => text)).toEqual(['**白痴']);

    // As an editor does it: another file in its place.
    writeFileSync(`${file}.new`, 'categories:\n  rude: { action: mask, words: [白痴] }');
    renameSync(`${file}.new`, file);
    await waitFor('the new list', () => event('words_loaded'));
    await simulator.user('oTwo').say('笨蛋白痴');
    await settled(database, 2);
    expect(simulator.inboxOf('oTwo').map(({ text }) => text)).toEqual(['笨蛋**']);
  });

  test('that is wrong at the start ends it', async () => {
    const { start } = await setStage();
    const settings = { WORDS_FILE: writeWords('categories: none') };
    await expect(start({ settings })).rejects.toMatchObject({
      ...{
        code: 'WORDS',
        message: expect.stringMatching(/^WORDS_FILE=.*words\.yaml: 1:1 categories must be/),
      },
    });
    await expect(start({ settings: { WORDS_FILE: '/no/such/file' } })).rejects.toThrow(
      /cannot be read: .*ENOENT/,
    );
  });
});
