import { decrypt } from './crypto.js';
import type { FieldMap } from './fields.js';
import { parseFields } from './parse.js';
import { isSignedWith } from './signature.js';

/** What an account's owner has set in the console about encryption. */
export interface EncryptionSettings {
  appId: string;
  token: string;
  /** Current key first, then the previous one; empty in plaintext mode. */
  encodingAesKeys: readonly string[];
  /** Refuses what is not encrypted: then the signature covers the content too. */
  requireEncryption: boolean;
  /** The third-party platform that serves the account: what is pushed there is encrypted for its AppID. */
  componentAppId?: string | undefined;
}

/** The query parameters that sign an encrypted body. */
export interface EnvelopeQuery {
  timestamp?: string | undefined;
  nonce?: string | undefined;
  msg_signature?: string | undefined;
}

export type OpenResult =
  | { ok: true; fields: FieldMap; encrypted: boolean }
  /** `forbidden`: not from WeChat, or not as the owner wants it; `malformed`: it cannot be read. */
  | { ok: false; kind: 'forbidden' | 'malformed'; reason: string };

/**
 * Takes a push out of its envelope, whatever the mode: plaintext, secure (only `Encrypt`), or compatible (both; then
 * the encrypted one counts, since the other is not signed).
 */
export function openEnvelope(body: string, query: EnvelopeQuery, settings: EncryptionSettings): OpenResult {
  const outer = parseFields(body);
  if (!outer.ok) return { ok: false, kind: 'malformed', reason: outer.reason };
  const { Encrypt: encrypted } = outer.fields;
  const canDecrypt = settings.encodingAesKeys.length > 0;
  if (typeof encrypted === 'string' && (canDecrypt || outer.fields.MsgType === undefined)) {
    return openEncrypted(encrypted, query, settings);
  }
  if (settings.requireEncryption) return { ok: false, kind: 'forbidden', reason: 'it is not encrypted' };
  return {
    ok: true,
    fields: encrypted === undefined ? outer.fields : without(outer.fields, 'Encrypt'),
    encrypted: false,
  };
}

function without({ ...fields }: FieldMap, name: string): FieldMap {
  delete fields[name];
  return fields;
}

function openEncrypted(
  encrypted: string,
  { timestamp = '', nonce = '', msg_signature: signature = '' }: EnvelopeQuery,
  { appId, componentAppId, token, encodingAesKeys }: EncryptionSettings,
): OpenResult {
  if (!isSignedWith(signature, token, timestamp, nonce, encrypted)) {
    return { ok: false, kind: 'forbidden', reason: 'msg_signature wrong' };
  }
  const decrypted = decrypt(encrypted, encodingAesKeys, appId, ...(componentAppId ? [componentAppId] : []));
  if (!decrypted.ok)
    return { ok: false, kind: 'malformed', reason: `it cannot be decrypted: ${decrypted.reason}` };
  const inner = parseFields(decrypted.message);
  if (!inner.ok) return { ok: false, kind: 'malformed', reason: inner.reason };
  return { ok: true, fields: inner.fields, encrypted: true };
}
