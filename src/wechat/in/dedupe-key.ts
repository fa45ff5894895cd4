import { createHash } from 'node:crypto';
import { textField } from './fields.js';
import type { InboundMessage } from './message.js';

/**
 * Equal for every push of one message, different for different messages of an account.
 *
 * Messages have a MsgId. Events have none, and WeChat's advice (FromUserName + CreateTime) loses one of two events
 * of a user in the same second (subscribe and LOCATION, SCAN and CLICK): the event's name, key and, where it has
 * one, the id of the job that caused it tell them apart. A repeated push carries all of them unchanged.
 */
export function dedupeKey(message: InboundMessage): string {
  const { openid, createTime, fields } = message;
  if (message.kind === 'event') {
    const jobId =
      textField(fields, 'MsgID') ?? textField(fields, 'MsgId') ?? textField(fields, 'TaskId') ?? '';
    const parts = [message.name, message.eventKey ?? '', jobId].map(bounded);
    return ['event', openid, createTime, ...parts].join(':');
  }
  if (message.msgId) return `msg:${bounded(message.msgId)}`;
  return ['msg', openid, createTime, sha256(JSON.stringify(fields))].join(':');
}

/** Nothing says how long these may be (an EventKey is a url), and an index entry of Postgres holds 2.7 kB at most. */
function bounded(value: string): string {
  return Buffer.byteLength(value) <= 256 ? value : sha256(value);
}

function sha256(value: string): string {
  return `sha256-${createHash('sha256').update(value).digest('hex')}`;
}
