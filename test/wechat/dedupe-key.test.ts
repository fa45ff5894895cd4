import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PushSettings, SimulatedAccount, XmlFields, XmlValue } from '../../src/simulator/index.js';
import { createBody } from '../../src/simulator/pushes/body.js';
import { dedupeKey } from '../../src/wechat/in/dedupe-key.js';
import { openEnvelope } from '../../src/wechat/in/envelope.js';
import { toMessage } from '../../src/wechat/in/message.js';
import { sign } from '../../src/wechat/in/signature.js';
import { eventMessage, textMessage } from '../support/messages.js';

const account: SimulatedAccount = {
  appId: 'wx1',
  appSecret: 'secret',
  token: 'token',
  encodingAesKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG',
};
const inXml: PushSettings = { mode: 'plaintext', format: 'xml' };

/** As the webhook does it, from the bytes of a push to its key. */
function keyOf(fields: XmlFields, settings: PushSettings = inXml, canDecrypt = true): string {
  const { body, encrypted = '' } = createBody(fields, account, settings);
  const query = { timestamp: '1', nonce: '2', msg_signature: sign('token', '1', '2', encrypted) };
  const opened = openEnvelope(body, query, {
    appId: 'wx1',
    token: 'token',
    encodingAesKeys: canDecrypt ? [account.encodingAesKey ?? ''] : [],
    requireEncryption: false,
  });
  if (!opened.ok) throw new Error(opened.reason);
  const parsed = toMessage(opened.fields);
  if (!parsed.ok) throw new Error(parsed.reason);
  return dedupeKey(parsed.message);
}

const head = { ToUserName: 'gh_1', FromUserName: 'oABC', CreateTime: 1_700_000_000 };
const event = (name: string, fields: XmlFields = {}): XmlFields => ({
  ...head,
  MsgType: 'event',
  Event: name,
  ...fields,
});
const message = (fields: XmlFields): XmlFields => ({ ...head, MsgType: 'text', Content: 'hi', ...fields });

describe('two pushes that are not the same push have two keys', () => {
  test.each<[string, XmlFields, XmlFields]>([
    ['two cards at once', { UserCardCode: '1', CardId: 'p' }, { UserCardCode: '2', CardId: 'p' }],
    ['cards of two kinds', { CardId: 'p' }, { CardId: 'q' }],
    ['two agents', { KfAccount: 'a@x' }, { KfAccount: 'b@x' }],
    ['two payments', { OutTradeNo: '1' }, { OutTradeNo: '2' }],
    ['two reports', { trace_id: 'a' }, { trace_id: 'b' }],
    ['two articles', { PublishEventInfo: { publish_id: '1' } }, { PublishEventInfo: { publish_id: '2' } }],
    ['jobs', { MsgID: 200_163_836_123_456_789n }, { MsgID: 200_163_836_123_456_790n }],
    ['two menu keys', { EventKey: 'A' }, { EventKey: 'B' }],
    [
      'subscriptions in a list',
      { SubscribeMsgSentEvent: { List: [{ MsgID: '1' }, { MsgID: '2' }] } },
      { SubscribeMsgSentEvent: { List: [{ MsgID: '1' }, { MsgID: '3' }] } },
    ],
    ['the same in another order', { List: ['a', 'b'] }, { List: ['b', 'a'] }],
    ['what looks like a list', { A: ['a', 'b'] }, { A: '["a","b"]' }],
    ['a name moved into a value', { A: 'x', B: 'y' }, { A: 'x","B":"y' }],
  ])('%s', (_name, one, other) => {
    const name = 'user_get_card';
    for (const format of ['xml', 'json'] as const) {
      const settings: PushSettings = { mode: 'plaintext', format };
      expect(keyOf(event(name, one), settings)).not.toBe(keyOf(event(name, other), settings));
      expect(keyOf(event(name, one), settings)).toBe(keyOf(event(name, one), settings));
    }
  });

  test('two users may have the same MsgId', () => {
    const same = { MsgId: 23_568_243_490_745_350n };
    expect(keyOf(message(same))).not.toBe(keyOf(message({ ...same, FromUserName: 'oB' })));
    // Whatever is in an OpenID, or a MsgId: nothing runs over into its neighbour.
    const spread = ['a', 'a:text', 'a:text:1', ':', '#', ''].flatMap((openid) =>
      ['1', 'text:1', ':1', '#1'].map((MsgId) => ({ FromUserName: `o${openid}`, MsgId })),
    );
    expect(new Set(spread.map((fields) => keyOf(message(fields)))).size).toBe(spread.length);
  });

  test('a text and a picture may have the same MsgId', () => {
    const same = { MsgId: 23_568_243_490_745_350n };
    expect(keyOf(message(same))).not.toBe(keyOf({ ...head, MsgType: 'image', ...same }));
  });

  test('two events of a user in one second differ by name', () => {
    const names = ['subscribe', 'LOCATION', 'CLICK', 'SCAN'];
    expect(new Set(names.map((name) => keyOf(event(name)))).size).toBe(names.length);
  });
});

const modes = ['plaintext', 'compatible', 'secure'] as const;
const formats = ['xml', 'json'] as const;
const everyTransport = modes.flatMap((mode) => formats.map((format): PushSettings => ({ mode, format })));

describe('a copy of a push has the same key', () => {
  test.each<[string, XmlFields]>([
    ['a message', message({ MsgId: 23_568_243_490_745_350n })],
    ['a message without a MsgId', message({})],
    ['a click', event('CLICK', { EventKey: 'A' })],
    ['an event with numbers', event('LOCATION', { Latitude: 23.1, Longitude: 113.25, Precision: 119 })],
    ['an event with an empty key', event('subscribe', { EventKey: '' })],
    ['a list of one', event('x', { List: [{ A: '1' }], Empty: [], None: {} })],
    [
      'pictures',
      event('pic_weixin', { SendPicsInfo: { Count: 1, PicList: { item: [{ PicMd5Sum: 'a' }] } } }),
    ],
    ['line breaks and controls', event('x', { A: 'a\r\nb\rc\nd\u001d' })],
  ])('encrypted or not, in XML or in JSON: %s', (_name, fields) => {
    const keys = everyTransport.flatMap((settings) => [keyOf(fields, settings), keyOf(fields, settings)]);
    // Compatible mode, read by an account without a key.
    keys.push(keyOf(fields, { mode: 'compatible', format: 'xml' }, false));
    expect(new Set(keys).size).toBe(1);
  });

  test('in the form that a list has in JSON and in XML', () => {
    const wrapped = (List: XmlValue) =>
      event('subscribe_msg_popup_event', { SubscribeMsgPopupEvent: { List } });
    const bare = (List: XmlValue) => event('subscribe_msg_popup_event', { List });
    const one = { TemplateId: 'T', SubscribeStatusString: 'accept', PopupScene: '1' };
    const two = { TemplateId: 'U', SubscribeStatusString: 'reject', PopupScene: '1' };
    const inJson: PushSettings = { mode: 'plaintext', format: 'json' };
    expect(keyOf(bare(one), inJson)).toBe(keyOf(wrapped([one])));
    expect(keyOf(bare([one, two]), inJson)).toBe(keyOf(wrapped([one, two])));
    expect(keyOf(bare([one, two]), inJson)).not.toBe(keyOf(wrapped([two, one])));
    const pictures = (PicList: XmlValue) => event('pic_weixin', { SendPicsInfo: { Count: 2, PicList } });
    const sums = [{ PicMd5Sum: 'a' }, { PicMd5Sum: 'b' }];
    expect(keyOf(pictures(sums), inJson)).toBe(keyOf(pictures({ item: sums })));
  });
});

const name = fc.stringMatching(/^[A-Z][a-zA-Z0-9]{1,8}$/);
const filled = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => `${text}.`);
const leaf: fc.Arbitrary<XmlValue> = fc.oneof(filled, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const someFields = fc.dictionary(
  name,
  fc.oneof(leaf, fc.array(leaf, { minLength: 1, maxLength: 3 }), fc.dictionary(name, leaf, { minKeys: 1 })),
  { minKeys: 1, maxKeys: 6, noNullPrototype: true },
);
const anyEvent = someFields.map((fields) => event('user_get_card', fields));

const shuffled = (fields: XmlFields, order: readonly number[]): XmlFields =>
  Object.fromEntries(
    Object.entries(fields)
      .map((entry, index) => ({ entry, rank: order[index % order.length] ?? 0 }))
      .sort((left, right) => left.rank - right.rank)
      .map(({ entry }) => entry),
  );

describe('of any event', () => {
  test('a change of any single field gives another key', () => {
    fc.assert(
      fc.property(anyEvent, fc.nat(), filled, (fields, which, change) => {
        const names = Object.keys(fields).filter((field) => !(field in head) && field !== 'MsgType');
        const changed = names[which % names.length] ?? '';
        const key = keyOf(fields);
        expect(keyOf({ ...fields, [changed]: `changed: ${change}` })).not.toBe(key);
        expect(keyOf({ ...fields, FromUserName: 'oOther' })).not.toBe(key);
        expect(keyOf({ ...fields, CreateTime: 1_700_000_001 })).not.toBe(key);
        expect(keyOf({ ...fields, ToUserName: 'gh_2' })).not.toBe(key);
        expect(keyOf({ ...fields, AddedHere: change })).not.toBe(key);
        const { [changed]: _left, ...without } = fields;
        if (changed !== 'Event') expect(keyOf(without)).not.toBe(key);
      }),
      { numRuns: 300 },
    );
  });

  test('a copy that is re-ordered, encrypted anew, or in the other format gives the same', () => {
    fc.assert(
      fc.property(
        anyEvent,
        fc.array(fc.nat(), { minLength: 1 }),
        fc.constantFrom(...everyTransport),
        (fields, order, settings) => {
          expect(keyOf(shuffled(fields, order), settings)).toBe(keyOf(fields));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('the dedupe key', () => {
  test('of a message names its user, its type and its MsgId', () => {
    expect(dedupeKey(textMessage({ openid: 'oUser', msgId: '12345678901234567890' }))).toBe(
      'msg:oUser:text:12345678901234567890',
    );
  });

  test('always names its user, and its length is bounded', () => {
    const long = '字'.repeat(9_000);
    const keys = [
      dedupeKey(
        eventMessage('VIEW', { createTime: 1, eventKey: `https://example.com/${'x'.repeat(100_000)}` }),
      ),
      dedupeKey(eventMessage(long, { createTime: 1, eventKey: long, fields: { MsgID: long } })),
      dedupeKey(textMessage({ msgId: long })),
      dedupeKey(textMessage({ msgId: undefined, content: long })),
    ];
    for (const key of keys) {
      expect(key).toContain(':oUser:');
      expect(Buffer.byteLength(key)).toBeLessThan(500);
    }
    // As long as an OpenID may be.
    expect(Buffer.byteLength(dedupeKey(textMessage({ openid: '字'.repeat(128) })))).toBeLessThan(500);
  });

  test('tells long keys apart by their ends', () => {
    const long = (end: string) =>
      eventMessage('VIEW', { createTime: 1, eventKey: `https://example.com/${'x'.repeat(100_000)}${end}` });
    expect(dedupeKey(long('a'))).not.toBe(dedupeKey(long('b')));
  });

  test('of a message without a MsgId depends on all its fields', () => {
    const one = textMessage({ msgId: undefined, createTime: 5, content: 'a' });
    const other = textMessage({ msgId: undefined, createTime: 5, content: 'b' });
    expect(dedupeKey(one)).toBe(dedupeKey(structuredClone(one)));
    expect(dedupeKey(one)).not.toBe(dedupeKey(other));
  });
});
