import { createHmac, randomBytes } from 'node:crypto';
import { isSame } from './tokens.js';

/**
 * Marks a browser that a name signed in from: `nonce.proof`. The proof is made with what the database has of the password, so
 * nobody else can make one, and a new password ends them all.
 */
export function newDevice(name: string, passwordRecord: string): string {
  const nonce = randomBytes(16).toString('base64url');
  return `${nonce}.${proofOf(nonce, name, passwordRecord)}`;
}

/** @returns its nonce; undefined where it is not of this name */
export function deviceOf(
  cookie: string | undefined,
  name: string,
  passwordRecord: string | null | undefined,
): string | undefined {
  if (cookie === undefined || !passwordRecord) return undefined;
  const [nonce = '', proof = ''] = cookie.split('.');
  return isSame(proof, proofOf(nonce, name, passwordRecord)) ? nonce : undefined;
}

const proofOf = (nonce: string, name: string, passwordRecord: string) =>
  createHmac('sha256', passwordRecord).update(`${nonce}\n${name}`).digest('base64url');
