import type { AccountConfig } from '../config/settings.js';
import { openEnvelope } from '../wechat/in/envelope.js';
import type { FieldMap } from '../wechat/in/fields.js';
import { type InboundMessage, toMessage } from '../wechat/in/message.js';
import type { Admitted } from './admit.js';
import type { PushQuery } from './request.js';

/** What the body of a push turns out to be. */
export type Received =
  | { kind: 'message'; message: InboundMessage }
  /** WeChat Cloud Hosting asks whether somebody is there. */
  | { kind: 'probe' }
  | { kind: 'refused'; status: 400 | 403; reason: string };

/** Decrypts and reads a push, and checks what could not be checked before. Pure. */
export function receivePush(
  account: AccountConfig,
  admission: Admitted,
  { body, query }: { body: string; query: PushQuery },
): Received {
  const envelope = admission.kind === 'by-body' ? { ...account, requireEncryption: true } : account;
  const opened = openEnvelope(body, query, envelope);
  if (!opened.ok) return refused(opened.kind === 'forbidden' ? 403 : 400, opened.reason);
  if (admission.kind === 'unsigned') {
    if (isProbe(opened.fields)) return { kind: 'probe' };
    if (admission.problem) return refused(403, admission.problem);
  }
  const parsed = toMessage(opened.fields);
  return parsed.ok ? { kind: 'message', message: parsed.message } : refused(400, parsed.reason);
}

const isProbe = ({ action, MsgType }: FieldMap) => action === 'CheckContainerPath' && MsgType === undefined;

const refused = (status: 400 | 403, reason: string): Received => ({ kind: 'refused', status, reason });
