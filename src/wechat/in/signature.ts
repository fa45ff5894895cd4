import { hash, timingSafeEqual } from 'node:crypto';

/** The query parameters with which WeChat signs a request. */
export interface SignedQuery {
  signature?: string | undefined;
  timestamp?: string | undefined;
  nonce?: string | undefined;
}

export type SignatureCheck = { ok: true } | { ok: false; reason: 'missing' | 'wrong' | 'stale' };

/** sha1 (hex) over the parts, sorted as strings and joined: WeChat's signature. */
export function sign(...parts: readonly string[]): string {
  // In one call, which costs less than a Hash object: every push takes one or two.
  return hash('sha1', [...parts].sort().join(''), 'hex');
}

/**
 * Checks a request's signature in constant time, and its age.
 *
 * Plaintext mode signs only timestamp and nonce: a recorded query string would be good for ever, so old ones are
 * refused. WeChat's retries are signed anew, at the time of the retry.
 *
 * @param maxAgeSeconds allowed distance between timestamp and now, either way; 0 allows any
 */
export function checkSignature(
  query: SignedQuery,
  token: string,
  now: Date,
  maxAgeSeconds: number,
): SignatureCheck {
  const { signature, timestamp, nonce } = query;
  if (!signature || !timestamp || !nonce) return { ok: false, reason: 'missing' };
  if (!isSignedWith(signature, token, timestamp, nonce)) return { ok: false, reason: 'wrong' };
  return isFresh(timestamp, now, maxAgeSeconds) ? { ok: true } : { ok: false, reason: 'stale' };
}

/** @param maxAgeSeconds as of checkSignature */
export function isFresh(timestamp: string | undefined, now: Date, maxAgeSeconds: number): boolean {
  // NaN fails this comparison too.
  return maxAgeSeconds === 0 || Math.abs(now.getTime() / 1_000 - Number(timestamp)) <= maxAgeSeconds;
}

/** Whether `given` is the signature of these parts, compared in constant time. */
export function isSignedWith(given: string, ...parts: readonly string[]): boolean {
  return equalInConstantTime(given, sign(...parts));
}

function equalInConstantTime(given: string, expected: string): boolean {
  const left = Buffer.from(given);
  const right = Buffer.from(expected);
  return left.length === right.length && timingSafeEqual(left, right);
}
