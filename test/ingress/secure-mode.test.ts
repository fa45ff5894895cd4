import { request } from 'undici';
import { describe, expect, test } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { encrypt, signature } from '../../src/simulator/pushes/encrypt.js';
import { type Stage, setStage, settled } from '../support/stage.js';

const key = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG';
const otherKey = 'kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR';

/** Another platform for the same account, pushing in its own way to the stage's service. */
async function platformFor(
  { account }: Stage,
  webhookUrl: string,
  options: {
    mode: 'plaintext' | 'compatible' | 'secure';
    format?: 'xml' | 'json';
    encodingAesKey?: string;
    appId?: string;
  },
): Promise<Simulator> {
  const { mode, format = 'xml', encodingAesKey = key, appId = account.appId } = options;
  return startSimulator({ account: { ...account, appId, encodingAesKey }, mode, format, webhookUrl });
}

const tricky = '你好 😀 ]]> <b>&amp;</b> "quotes" \\ 123 "45" {6}';

describe('a push', () => {
  test.each([
    ['plaintext', 'xml'],
    ['plaintext', 'json'],
    ['compatible', 'xml'],
    ['compatible', 'json'],
    ['secure', 'xml'],
    ['secure', 'json'],
  ] as const)('in %s mode as %s is stored as it was meant, and answered', async (mode, format) => {
    const stage = await setStage({ mode, format }, { encodingAesKey: key });
    await stage.start({
      settings: { WECHAT_ENCODING_AES_KEY: key },
      replies: ({ message }) => (message.kind === 'text' ? message.content : message.kind),
    });
    const user = stage.simulator.user('oUser');
    const { outcome, msgId } = await user.say(tricky);
    expect(outcome).toBe('acknowledged');
    await user.event('pic_weixin', {
      EventKey: 'k',
      SendPicsInfo: { Count: 2, PicList: { item: [{ PicMd5Sum: 'a' }, { PicMd5Sum: 'b' }] } },
    });
    const inbox = await stage.simulator.waitForDelivered('oUser', 2);
    expect(inbox.map(({ text }) => text)).toEqual([tricky, 'event']);
    await settled(stage.database, 2);
    const [text, event] = await stage.database.rows<{ content: string; payload: Record<string, unknown> }>(
      'select content, payload from wechat.inbound_message order by id',
    );
    // Beyond what a double holds exactly.
    expect(text).toMatchObject({ content: tricky, payload: { MsgId: msgId } });
    expect(event?.payload.SendPicsInfo).toEqual({
      Count: '2',
      PicList: { item: [{ PicMd5Sum: 'a' }, { PicMd5Sum: 'b' }] },
    });
    expect(text?.payload).not.toHaveProperty('Encrypt');
  });

  test('of either key is taken while the owner changes it', async () => {
    const stage = await setStage();
    const { webhookUrl } = await stage.start({
      role: 'ingress',
      settings: { WECHAT_ENCODING_AES_KEY: key, WECHAT_ENCODING_AES_KEY_PREVIOUS: otherKey },
    });
    for (const encodingAesKey of [key, otherKey]) {
      const platform = await platformFor(stage, webhookUrl, { mode: 'secure', encodingAesKey });
      expect((await platform.user('oUser').say('hi')).outcome).toBe('acknowledged');
      await platform.close();
    }
  });

  test.each([
    [
      'under an unknown key',
      { mode: 'secure', encodingAesKey: otherKey },
      { WECHAT_ENCODING_AES_KEY: key },
      400,
      /decrypted: the (padding|length)/,
    ],
    [
      'for another account',
      { mode: 'secure', appId: 'wxother' },
      { WECHAT_ENCODING_AES_KEY: key },
      400,
      /another AppID/,
    ],
    ['encrypted though no key is set', { mode: 'secure' }, {}, 400, /no EncodingAESKey is set/],
    [
      'in plaintext where encryption is required',
      { mode: 'plaintext' },
      { WECHAT_ENCODING_AES_KEY: key, WECHAT_REQUIRE_ENCRYPTION: 'true' },
      403,
      /not encrypted/,
    ],
  ] as const)(
    '%s is refused, with one clear line in the log, and not stored',
    async (_name, options, settings, status, reason) => {
      const stage = await setStage();
      const { webhookUrl, logged } = await stage.start({ role: 'ingress', settings });
      const platform = await platformFor(stage, webhookUrl, options);
      const { tries } = await platform.user('oUser').say('hi');
      await platform.close();
      expect(tries.map((attempt) => attempt.status)).toEqual([status, status, status]);
      const lines = logged.filter(({ event }) => event === 'push_refused');
      expect(lines).toHaveLength(3);
      for (const line of lines) expect(line).toMatchObject({ status, reason: expect.stringMatching(reason) });
      expect(await stage.database.rows('select from wechat.inbound_message')).toEqual([]);
    },
  );

  test('whose body was changed on its way is refused by msg_signature', async () => {
    const stage = await setStage();
    const { webhookUrl } = await stage.start({ role: 'ingress', settings: { WECHAT_ENCODING_AES_KEY: key } });
    const { token, appId } = stage.account;
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const encrypted = encrypt('<xml><FromUserName>o</FromUserName></xml>', { appId, encodingAesKey: key });
    const query = `signature=${signature(token, timestamp, '7')}&timestamp=${timestamp}&nonce=7&encrypt_type=aes`;
    for (const msgSignature of ['', `&msg_signature=${signature(token, timestamp, '7', 'another body')}`]) {
      const response = await request(`${webhookUrl}?${query}${msgSignature}`, {
        method: 'POST',
        body: `<xml><ToUserName>gh</ToUserName><Encrypt><![CDATA[${encrypted}]]></Encrypt></xml>`,
      });
      expect(response.statusCode).toBe(403);
      expect(await response.body.text()).toBe('msg_signature wrong');
    }
  });

  test('in compatible mode counts by its encrypted part, since the other is not signed', async () => {
    const stage = await setStage();
    const { webhookUrl } = await stage.start({ role: 'ingress', settings: { WECHAT_ENCODING_AES_KEY: key } });
    const { token, appId } = stage.account;
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const push = (content: string) =>
      `<FromUserName>o</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType><Content>${content}</Content><MsgId>1</MsgId>`;
    const encrypted = encrypt(`<xml>${push('genuine')}</xml>`, { appId, encodingAesKey: key });
    const query = new URLSearchParams({
      signature: signature(token, timestamp, '7'),
      timestamp,
      nonce: '7',
      encrypt_type: 'aes',
      msg_signature: signature(token, timestamp, '7', encrypted),
    });
    const body = `<xml>${push('forged')}<Encrypt>${encrypted}</Encrypt></xml>`;
    expect((await request(`${webhookUrl}?${query}`, { method: 'POST', body })).statusCode).toBe(200);
    expect(await stage.database.rows('select content from wechat.inbound_message')).toEqual([
      { content: 'genuine' },
    ]);
  });
});
