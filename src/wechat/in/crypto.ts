import { createDecipheriv, createSecretKey } from 'node:crypto';

/**
 * Decrypts what WeChat sends in secure and compatible mode: AES-256-CBC with a 32-byte key whose first half is the
 * iv, PKCS#7 padding to blocks of 32 bytes; inside: 16 random bytes, the length of the message (uint32, big-endian),
 * the message in UTF-8, the AppID. Source: the message encryption guide.
 */

export type DecryptResult = { ok: true; message: string } | { ok: false; reason: string };

const blockBytes = 32;
const randomBytes = 16;
const headerBytes = randomBytes + 4;

/** Whether this has the form of an EncodingAESKey: 43 characters of base64, 32 bytes. */
export function isEncodingAesKey(text: string): boolean {
  return /^[A-Za-z0-9+/]{43}$/.test(text);
}

/**
 * Tries the keys in turn: an owner who changes the key goes on getting messages under the old one for a while.
 *
 * @param encodingAesKeys current key first
 * @param appIds whom it may be for
 */
export function decrypt(
  encrypted: string,
  encodingAesKeys: readonly string[],
  ...appIds: readonly string[]
): DecryptResult {
  let result: DecryptResult = { ok: false, reason: 'no EncodingAESKey is set' };
  for (const key of encodingAesKeys) {
    result = decryptWith(key, encrypted, appIds);
    if (result.ok) return result;
  }
  return result;
}

function decryptWith(encodingAesKey: string, encrypted: string, appIds: readonly string[]): DecryptResult {
  const key = Buffer.from(`${encodingAesKey}=`, 'base64');
  const ciphertext = Buffer.from(encrypted, 'base64');
  if (ciphertext.length === 0 || ciphertext.length % blockBytes !== 0) {
    return { ok: false, reason: 'the ciphertext is cut' };
  }
  // As a key object: from plain bytes Node 24 takes 20 µs to make a decipher, half of what a push costs.
  const decipher = createDecipheriv('aes-256-cbc', createSecretKey(key), key.subarray(0, 16));
  // WeChat's blocks of padding are larger than the cipher's: it is checked and taken off here. So `update` gives all the
  // blocks, and nothing is left for `final`.
  const plain = unpad(decipher.setAutoPadding(false).update(ciphertext));
  if (!plain || plain.length < headerBytes)
    return { ok: false, reason: 'the padding is wrong: another key?' };

  const messageEnd = headerBytes + plain.readUInt32BE(randomBytes);
  if (messageEnd > plain.length) return { ok: false, reason: 'the length is wrong: another key?' };
  if (!appIds.includes(plain.toString('utf8', messageEnd)))
    return { ok: false, reason: 'it is for another AppID' };
  return { ok: true, message: plain.toString('utf8', headerBytes, messageEnd) };
}

function unpad(padded: Buffer): Buffer | undefined {
  const count = padded.at(-1) ?? 0;
  if (count < 1 || count > blockBytes || count > padded.length) return undefined;
  const padding = padded.subarray(padded.length - count);
  return padding.every((byte) => byte === count) ? padded.subarray(0, padded.length - count) : undefined;
}
