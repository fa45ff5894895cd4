import type { AccountConfig } from '../config/settings.js';
import { checkSignature, isFresh, type SignedQuery } from '../wechat/in/signature.js';

export interface PushRequest {
  query: SignedQuery & { msg_signature?: string | undefined };
  /** Header x-wx-source of WeChat Cloud Hosting. */
  source: string | undefined;
  now: Date;
  /** Oldest accepted timestamp; 0 accepts any. */
  maxAgeSeconds: number;
}

/** What is known of a push before its body is read. */
export type Admission =
  /** WeChat signed timestamp and nonce. */
  | { kind: 'signed' }
  /** It says that its body is encrypted and signed: that must be so. */
  | { kind: 'by-body' }
  /** Nobody signed it, and the account takes that: it comes from inside of WeChat Cloud Hosting, if at all from WeChat. */
  | { kind: 'unsigned'; problem: string | undefined }
  | { kind: 'refused'; reason: string };

export type Admitted = Exclude<Admission, { kind: 'refused' }>;

/** Whether to read the body of a push, and what it then must be. */
export function admitPush(
  account: AccountConfig,
  { query, source, now, maxAgeSeconds }: PushRequest,
): Admission {
  if (account.cloudHosting !== 'off' && !query.signature && !query.msg_signature) {
    const lacksSource = account.cloudHosting === 'source' && !source;
    return { kind: 'unsigned', problem: lacksSource ? 'no x-wx-source' : undefined };
  }
  const check = checkSignature(query, account.token, now, maxAgeSeconds);
  if (check.ok) return { kind: 'signed' };
  const byBody = check.reason === 'missing' && !query.signature && query.msg_signature !== undefined;
  if (!byBody || account.encodingAesKeys.length === 0) return refused(check.reason);
  return isFresh(query.timestamp, now, maxAgeSeconds) ? { kind: 'by-body' } : refused('stale');
}

const refused = (reason: string): Admission => ({ kind: 'refused', reason: `signature ${reason}` });
