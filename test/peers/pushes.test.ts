import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as wecom from '@wecom/crypto';
import wechat from 'co-wechat';
import Koa from 'koa';
import { describe, expect, onTestFinished, test } from 'vitest';
import WXBizMsgCrypt from 'wechat-crypto';
import { type PushSettings, startSimulator } from '../../src/simulator/index.js';
import { openEnvelope } from '../../src/wechat/in/envelope.js';
import { toMessage } from '../../src/wechat/in/message.js';
import { parseFields } from '../../src/wechat/in/parse.js';
import { sign } from '../../src/wechat/in/signature.js';
import { parseInbound } from '../support/parse-inbound.js';

/**
 * Pushes between our code and that of others: what they encrypt and sign we read, and what our simulator pushes they read as
 * we do. Where they differ, the protocol decides, and the test says so.
 */

const encodingAesKey = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG';
const account = { appId: 'wx1', appSecret: 'secret', token: 'token', encodingAesKey };
const settings = { appId: 'wx1', token: 'token', encodingAesKeys: [encodingAesKey], requireEncryption: true };
const push = (content: string) =>
  `<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oA]]></FromUserName><CreateTime>1</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[${content}]]></Content><MsgId>23568243490745350</MsgId></xml>`;

interface Peer {
  encrypt(message: string): string;
  signature(timestamp: string, nonce: string, encrypted: string): string;
  decrypt(encrypted: string): { message: string; id: string };
}

const wechatCrypto = new WXBizMsgCrypt(account.token, encodingAesKey, account.appId);
const peers: readonly [name: string, peer: Peer][] = [
  [
    'wechat-crypto',
    {
      encrypt: (message) => wechatCrypto.encrypt(message),
      signature: (...parts) => wechatCrypto.getSignature(...parts),
      decrypt: (encrypted) => wechatCrypto.decrypt(encrypted),
    },
  ],
  [
    '@wecom/crypto',
    {
      encrypt: (message) => wecom.encrypt(encodingAesKey, message, account.appId),
      signature: (...parts) => wecom.getSignature(account.token, ...parts),
      decrypt: (encrypted) => wecom.decrypt(encodingAesKey, encrypted),
    },
  ],
];

describe.each(peers)('%s', (_name, peer) => {
  test.each(['你好 😀', 'a]]>b', '<b>&amp;</b>', '\u001d', ''])(
    'encrypts and signs what we open: %j',
    (content) => {
      const encrypted = peer.encrypt(push(content));
      const body = `<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[${encrypted}]]></Encrypt></xml>`;
      const query = { timestamp: '1', nonce: '2', msg_signature: peer.signature('1', '2', encrypted) };
      expect(query.msg_signature).toBe(sign(account.token, '1', '2', encrypted));
      const opened = openEnvelope(body, query, settings);
      if (!opened.ok) throw new Error(opened.reason);
      expect(toMessage(opened.fields)).toMatchObject({
        ok: true,
        message: { openid: 'oA', content, msgId: '23568243490745350' },
      });
    },
  );

  test('decrypts and verifies what our simulator pushes', async () => {
    const simulator = await startSimulator({ account, mode: 'secure' });
    onTestFinished(() => simulator.close());
    const seen: { url: URL; body: string }[] = [];
    simulator.setWebhookUrl(await listen((url, body) => seen.push({ url, body })));
    await simulator.user('oA').say('你好 ]]> 😀');
    const encrypted = /<Encrypt><!\[CDATA\[(.*?)\]\]>/.exec(seen[0]?.body ?? '')?.[1] ?? '';
    const { timestamp = '', nonce = '', msg_signature } = Object.fromEntries(seen[0]?.url.searchParams ?? []);
    expect(peer.signature(timestamp, nonce, encrypted)).toBe(msg_signature);
    const { message, id } = peer.decrypt(encrypted);
    expect(id).toBe(account.appId);
    expect(parseInbound(message)).toMatchObject({ ok: true, message: { content: '你好 ]]> 😀' } });
  });
});

const modes: readonly PushSettings['mode'][] = ['plaintext', 'compatible', 'secure'];

describe.each(modes)('co-wechat, in %s mode', (mode) => {
  test('answers the check of the server', async () => {
    const { simulator } = await peerOf(mode);
    expect(await simulator.checkServer()).toMatchObject({ ok: true });
  });

  test('reads a push of our simulator as we do', async () => {
    const { simulator, messages } = await peerOf(mode);
    const result = await simulator.user('oA').say('你好 <b> & 😀');
    expect(result.outcome).toBe('acknowledged');
    await simulator.user('oA').click('MENU_KEY');
    await simulator.user('oA').scanCode({ key: 'K', result: 'https://example.com/?a=1&b=2' });
    expect(messages).toMatchObject([
      {
        ToUserName: 'gh_simulator',
        FromUserName: 'oA',
        MsgType: 'text',
        Content: '你好 <b> & 😀',
        MsgId: result.msgId,
      },
      { MsgType: 'event', Event: 'CLICK', EventKey: 'MENU_KEY' },
      {
        Event: 'scancode_push',
        ScanCodeInfo: { ScanType: 'qrcode', ScanResult: 'https://example.com/?a=1&b=2' },
      },
    ]);
  });
});

describe('where co-wechat differs, the protocol decides', () => {
  test('it takes blanks off both ends of a text; they belong to the user', async () => {
    const { simulator, messages } = await peerOf('plaintext');
    await simulator.user('oA').say('  padded ');
    expect(messages).toMatchObject([{ Content: 'padded' }]);
    expect(parseInbound(push('  padded '))).toMatchObject({ message: { content: '  padded ' } });
  });

  test('it reads XML by its rules, which WeChat does not keep: a text with markup never arrives', async () => {
    const { simulator, messages } = await peerOf('plaintext');
    const text = '<status><![CDATA[ok]]></status>';
    expect((await simulator.user('oA').say(text)).outcome).toBe('notice');
    expect(messages).toEqual([]);
    expect(parseInbound(push(text))).toMatchObject({ message: { content: text } });
  });

  test('it takes a sender from within a text for the sender; WeChat names one, in the head', async () => {
    const { simulator, messages } = await peerOf('plaintext');
    const text = 'x]]></Content><FromUserName><![CDATA[oB]]></FromUserName><Content><![CDATA[y';
    await simulator.user('oA').say(text);
    expect(messages[0]?.FromUserName).not.toBe('oA');
    expect(parseInbound(push(text))).toMatchObject({ message: { openid: 'oA', content: text } });
  });
});

test('an answer that co-wechat writes for users is read like a push: it escapes no text either', async () => {
  const { simulator } = await peerOf('plaintext', 'a]]>b <c>');
  const { replyXml = '' } = await simulator.user('oA').say('hi');
  // Its CreateTime is in milliseconds, where the protocol has seconds: as a push it would be refused.
  expect(parseFields(replyXml)).toMatchObject({
    fields: { FromUserName: 'gh_simulator', ToUserName: 'oA', Content: 'a]]>b <c>' },
  });
});

/** A webhook by co-wechat, with our simulator before it. */
async function peerOf(mode: PushSettings['mode'], answer = '') {
  const messages: Record<string, unknown>[] = [];
  const app = new Koa();
  app.silent = true;
  const { token, appId } = account;
  app.use(
    wechat({ token, appid: appId, encodingAESKey: encodingAesKey }).middleware(async (message) => {
      messages.push(message);
      return answer;
    }),
  );
  const server = app.listen(0, '127.0.0.1');
  await new Promise<void>((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const simulator = await startSimulator({ account, mode, webhookUrl: `http://127.0.0.1:${port}/` });
  onTestFinished(async () => {
    await simulator.close();
    server.closeAllConnections();
    server.close();
  });
  return { simulator, messages };
}

async function listen(onPush: (url: URL, body: string) => void): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    onPush(new URL(request.url ?? '', 'http://x'), Buffer.concat(chunks).toString());
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
