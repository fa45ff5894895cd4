import type { WirePayload } from '../../wechat/out/reply.js';

/** What a user sent, in a few words: what they wrote, or what it was. */
export function inboundText(row: {
  msg_type: string;
  event: string | null;
  event_key: string | null;
  content: string | null;
}): string {
  if (row.content) return row.content;
  if (row.msg_type !== 'event') return `[${row.msg_type}]`;
  return `[${[row.event, row.event_key].filter(Boolean).join(' ')}]`;
}

/** What is sent to a user, in a few words: its texts and titles, or what it is. */
export function outboundText(payload: WirePayload): string {
  const body: unknown = payload[payload.msgtype];
  const words = [...textsOf(body)];
  return words.length > 0 ? words.join(' · ') : `[${payload.msgtype}]`;
}

const worded = new Set(['content', 'title', 'description', 'head_content', 'tail_content']);

function* textsOf(value: unknown, name = ''): Generator<string> {
  if (typeof value === 'string') {
    if (worded.has(name) && value.trim() !== '') yield value;
  } else if (Array.isArray(value)) {
    for (const entry of value) yield* textsOf(entry, name);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, entry] of Object.entries(value)) yield* textsOf(entry, key);
  }
}
