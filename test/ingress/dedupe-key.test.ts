import { describe, expect, test } from 'vitest';
import { dedupeKey } from '../../src/wechat/in/dedupe-key.js';
import { eventMessage, textMessage } from '../support/messages.js';

describe('the dedupe key', () => {
  test('of a message is its MsgId', () => {
    expect(dedupeKey(textMessage({ msgId: '12345678901234567890' }))).toBe('msg:12345678901234567890');
  });

  test('tells two events of a user in one second apart by name and by key', () => {
    const at = { createTime: 1_700_000_000 };
    const keys = [
      eventMessage('subscribe', at),
      eventMessage('LOCATION', at),
      eventMessage('CLICK', { ...at, eventKey: 'A' }),
      eventMessage('CLICK', { ...at, eventKey: 'B' }),
      eventMessage('CLICK', { ...at, eventKey: 'B', openid: 'oOther' }),
    ].map(dedupeKey);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('tells jobs apart by their MsgID', () => {
    const withId = (MsgID: string) =>
      dedupeKey(eventMessage('TEMPLATESENDJOBFINISH', { createTime: 1_700_000_000, fields: { MsgID } }));
    expect(withId('1')).not.toBe(withId('2'));
    expect(withId('1')).toBe(withId('1'));
  });

  test('fits an index entry however long the EventKey', () => {
    const long = (end: string) =>
      eventMessage('VIEW', { createTime: 1, eventKey: `https://example.com/${'x'.repeat(100_000)}${end}` });
    expect(dedupeKey(long('a')).length).toBeLessThan(500);
    expect(dedupeKey(long('a'))).not.toBe(dedupeKey(long('b')));
  });

  test('fits one however long its name and the id of its job', () => {
    const long = '字'.repeat(9_000);
    const key = dedupeKey(eventMessage(long, { createTime: 1, eventKey: long, fields: { MsgID: long } }));
    expect(Buffer.byteLength(key)).toBeLessThan(1_000);
    expect(Buffer.byteLength(dedupeKey(textMessage({ msgId: long })))).toBeLessThan(1_000);
  });

  test('of a message without a MsgId depends on all its fields', () => {
    const one = textMessage({ msgId: undefined, createTime: 5, content: 'a' });
    const other = textMessage({ msgId: undefined, createTime: 5, content: 'b' });
    expect(dedupeKey(one)).toBe(dedupeKey(structuredClone(one)));
    expect(dedupeKey(one)).not.toBe(dedupeKey(other));
  });
});
