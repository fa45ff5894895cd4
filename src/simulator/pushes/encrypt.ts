import { createCipheriv, createHash, randomBytes } from 'node:crypto';

/** What the platform encrypts with, as the owner has set it in the console. */
export interface EncryptionKey {
  appId: string;
  encodingAesKey: string;
}

/** Encrypts a push: 16 random bytes, length, message, AppID, padded to 32 bytes, AES-256-CBC. */
export function encrypt(message: string, { appId, encodingAesKey }: EncryptionKey): string {
  const key = Buffer.from(`${encodingAesKey}=`, 'base64');
  const content = Buffer.from(message);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const plain = Buffer.concat([randomBytes(16), length, content, Buffer.from(appId)]);
  const missing = 32 - (plain.length % 32);
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([
    cipher.update(plain),
    cipher.update(Buffer.alloc(missing, missing)),
    cipher.final(),
  ]).toString('base64');
}

/** sha1 over the sorted parts. */
export function signature(...parts: readonly string[]): string {
  return createHash('sha1')
    .update([...parts].sort().join(''))
    .digest('hex');
}
