// An implementation by others: it pads, counts and encrypts without our help.
import * as independent from '@wecom/crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encrypt as simulatedEncrypt } from '../../src/simulator/pushes/encrypt.js';
import { decrypt, isEncodingAesKey } from '../../src/wechat/in/crypto.js';
import { sign } from '../../src/wechat/in/signature.js';
import vectors from './crypto-vectors.json' with { type: 'json' };

const key = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG';
const otherKey = 'kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR';
const appId = 'wxb11529c136998cb6';

describe('decryption', () => {
  test.each(vectors.messages)(
    'gives the published answer of $source',
    ({ encrypt, encodingAesKey, message, appId: id }) => {
      expect(isEncodingAesKey(encodingAesKey)).toBe(true);
      expect(decrypt(encrypt, [encodingAesKey], id)).toEqual({ ok: true, message });
    },
  );

  test.each(vectors.signatures)('signs as published in $source', ({ parts, sha1 }) => {
    expect(sign(...parts)).toBe(sha1);
  });

  test('reads what an independent implementation and the simulator wrote', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (message) => {
        const sent = message.toWellFormed();
        expect(decrypt(independent.encrypt(key, sent, appId), [key], appId)).toEqual({
          ok: true,
          message: sent,
        });
        expect(decrypt(simulatedEncrypt(sent, { appId, encodingAesKey: key }), [key], appId)).toEqual({
          ok: true,
          message: sent,
        });
      }),
    );
  });

  test('tries the previous key after the current one', () => {
    const old = independent.encrypt(otherKey, 'under the old key', appId);
    expect(decrypt(old, [key, otherKey], appId)).toEqual({ ok: true, message: 'under the old key' });
    expect(decrypt(old, [key], appId)).toMatchObject({ ok: false });
    expect(decrypt(old, [], appId)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('no EncodingAESKey'),
    });
  });

  test('refuses another AppID', () => {
    expect(decrypt(independent.encrypt(key, 'hi', 'wxother'), [key], appId)).toEqual({
      ok: false,
      reason: 'it is for another AppID',
    });
  });

  test('refuses whatever was changed or cut, and never throws', () => {
    const good = Buffer.from(independent.encrypt(key, 'a message', appId), 'base64');
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const bad = Buffer.from(good);
        bad[at] = (bad[at] ?? 0) ^ by;
        const result = decrypt(bad.toString('base64'), [key], appId);
        // A change in the random bytes or the text alone cannot be seen here: msg_signature covers it.
        if (result.ok) expect(at).toBeLessThan(48);
      }),
    );
    for (let length = 0; length < good.length; length += 1) {
      expect(decrypt(good.subarray(0, length).toString('base64'), [key], appId).ok).toBe(false);
    }
    fc.assert(fc.property(fc.string(), (noise) => void decrypt(noise, [key, otherKey], appId)));
  });
});

test('an EncodingAESKey has 43 characters', () => {
  expect(isEncodingAesKey(key)).toBe(true);
  for (const bad of [key.slice(1), `${key}a`, `${key.slice(1)}-`, ''])
    expect(isEncodingAesKey(bad)).toBe(false);
});
