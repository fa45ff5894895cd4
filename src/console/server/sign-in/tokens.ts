import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** What nobody guesses: 256 bits, as text. */
export const newToken = () => randomBytes(32).toString('base64url');

/** What the database has of a token. */
export const hashOf = (token: string) => createHash('sha256').update(token).digest();

/** Of a session's token: whoever can send it back could read our page, which no other site can. */
export const csrfOf = (token: string) => createHmac('sha256', token).update('csrf').digest('base64url');

/** Compares without telling by time how much was right. */
export function isSame(one: string, other: string): boolean {
  return timingSafeEqual(hashOf(one), hashOf(other));
}
