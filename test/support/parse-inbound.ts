import { type MessageResult, toMessage } from '../../src/wechat/in/message.js';
import { parseFields } from '../../src/wechat/in/parse.js';

/** Reads one plaintext push, from its body to its type. */
export function parseInbound(body: string): MessageResult {
  const parsed = parseFields(body);
  return parsed.ok ? toMessage(parsed.fields) : parsed;
}
