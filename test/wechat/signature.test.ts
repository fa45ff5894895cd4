import { describe, expect, test } from 'vitest';
import { checkSignature, sign } from '../../src/wechat/in/signature.js';

const now = new Date('2026-01-01T00:00:00Z');
const timestamp = String(now.getTime() / 1_000);
const query = { timestamp, nonce: '42', signature: sign('token', timestamp, '42') };

test('the signature agrees with the published examples', () => {
  expect(sign('AAAAA', '1714037059', '486452656')).toBe('899cf89e464efb63f54ddac96b0a0a235f53aa78');
  expect(
    sign(
      '123456',
      '1411443780',
      '437374425',
      '4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q==',
    ),
  ).toBe('dd6b9c95b495b3f7e2901bfbc76c664930ffdb96');
});

describe('a signed query', () => {
  test('is accepted', () => {
    expect(checkSignature(query, 'token', now, 300)).toEqual({ ok: true });
  });

  test.each([
    ['wrong', { ...query, signature: sign('other', timestamp, '42') }],
    ['wrong', { ...query, nonce: '43' }],
    ['wrong', { ...query, signature: 'short' }],
    ['missing', { ...query, signature: undefined }],
    ['missing', { ...query, timestamp: '' }],
  ])('is refused as %s', (reason, given) => {
    expect(checkSignature(given, 'token', now, 300)).toEqual({ ok: false, reason });
  });

  test('is refused when older or newer than allowed, unless any age is', () => {
    const later = new Date(now.getTime() + 301_000);
    const earlier = new Date(now.getTime() - 301_000);
    expect(checkSignature(query, 'token', later, 300)).toEqual({ ok: false, reason: 'stale' });
    expect(checkSignature(query, 'token', earlier, 300)).toEqual({ ok: false, reason: 'stale' });
    expect(checkSignature(query, 'token', later, 0)).toEqual({ ok: true });
  });

  test('is refused when its timestamp is no number, though it is signed', () => {
    const odd = { timestamp: 'now', nonce: '1', signature: sign('token', 'now', '1') };
    expect(checkSignature(odd, 'token', now, 300)).toEqual({ ok: false, reason: 'stale' });
  });
});
