import { describe, expect, test } from 'vitest';
import { createRequestIds } from '../../src/ingress/request-id.js';
import { sign } from '../../src/wechat/in/signature.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

function push(webhookUrl: string, token: string, openid: string, headers: Record<string, string> = {}) {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const query = new URLSearchParams({ timestamp, nonce: '7', signature: sign(token, timestamp, '7') });
  const body = `<xml><FromUserName>${openid}</FromUserName><CreateTime>${timestamp}</CreateTime><MsgType>text</MsgType><Content>x</Content><MsgId>${openid.length}4711</MsgId></xml>`;
  return fetch(`${webhookUrl}?${query}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'text/xml', ...headers },
  });
}

describe('a request id', () => {
  test('leads from the line of the push to those of its attempts, of whatever process', async () => {
    const { simulator, account, database, start } = await setStage();
    const ingress = await start({ role: 'ingress' });
    const worker = await start({ role: 'worker', replies: () => ['one', 'two'] });
    simulator.faults.add({ fault: { errcode: -1 } });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    const pushed = await waitFor('the line of the push', () =>
      ingress.logged.find(({ event }) => event === 'push'),
    );
    expect(pushed).toMatchObject({ app_id: account.appId, type: 'text', result: 'stored', level: 'info' });
    const { request_id: id } = pushed;
    expect(id).toMatch(/^[a-z0-9]{8}-[a-z0-9]+$/);
    const attempts = await waitFor('the lines of the attempts', () => {
      const lines = worker.logged.filter(({ event }) => event === 'attempt');
      return lines.length === 3 && lines;
    });
    expect(attempts.map(({ request_id, outcome, errcode }) => [request_id, outcome, errcode])).toEqual([
      [id, 'transient', -1],
      [id, 'sent', 0],
      [id, 'sent', 0],
    ]);
    expect(attempts[0]).toMatchObject({ level: 'warn', attempt: 1, worker_id: expect.any(Number) });
    expect(await database.rows('select request_id from wechat.inbound_message')).toEqual([
      { request_id: id },
    ]);
  });

  test('is that of the proxy in front, if it is well-formed, and of the first push, if there are several', async () => {
    const { account, database, start } = await setStage();
    const { webhookUrl, logged } = await start({ role: 'ingress' });
    const given = '0f8fad5b-d9cb-469f-a165-70867728950e';
    await push(webhookUrl, account.token, 'oFirst', { 'x-request-id': given });
    await push(webhookUrl, account.token, 'oFirst', { 'x-request-id': 'another-id' });
    await push(webhookUrl, account.token, 'oSecond', { 'x-request-id': 'no "good" id' });
    await push(webhookUrl, 'wrong', 'oThird', { 'x-request-id': 'refused-one' });
    const lines = await waitFor('the lines', () => {
      const seen = logged.filter(({ event }) => event === 'push' || event === 'push_refused');
      return seen.length === 4 && seen;
    });
    expect(lines.map(({ request_id, result, status }) => [request_id, result ?? status])).toEqual([
      [given, 'stored'],
      ['another-id', 'duplicate'],
      [expect.stringMatching(/^[a-z0-9]{8}-1$/), 'stored'],
      ['refused-one', 403],
    ]);
    expect(lines[0]?.msg_id).toBe(lines[1]?.msg_id);
    expect(
      await database.rows('select openid, request_id from wechat.inbound_message order by id'),
    ).toMatchObject([{ openid: 'oFirst', request_id: given }, { openid: 'oSecond' }]);
  });

  test.each([
    [
      '',
      'short',
      'a b c d e f',
      '"quotes"',
      '-begins-so',
      'x'.repeat(65),
      'line\nbreak-',
      '中文的标识符号码',
    ],
  ])('is made here where the given one is %j', (...given) => {
    const idOf = createRequestIds('abcdefgh');
    for (const [index, id] of given.entries()) expect(idOf(id)).toBe(`abcdefgh-${index + 1}`);
    expect(idOf('a-good:one.1_2')).toBe('a-good:one.1_2');
  });

  test('may be missing: a message of before it was kept is answered all the same', async () => {
    const { simulator, database, start } = await setStage();
    await start({ role: 'ingress' });
    await simulator.user('oOld').say('hello');
    await database.pool.query('update wechat.inbound_message set request_id = null');
    const { logged } = await start({ role: 'worker', replies: () => 'hi' });
    const line = await waitFor('the attempt', () => logged.find(({ event }) => event === 'attempt'));
    expect(line).not.toHaveProperty('request_id');
  });
});
