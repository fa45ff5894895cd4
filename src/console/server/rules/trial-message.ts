import { randomInt } from 'node:crypto';
import { type FieldMap, Fields } from '../../../wechat/in/fields.js';
import { type InboundMessage, toMessage } from '../../../wechat/in/message.js';
import type { TryRules } from '../../contract/rules.js';

/** A message as WeChat would push it, from nobody. Each is another one: what goes by chance may come out otherwise. */
export function trialMessage({ type, value }: TryRules['message'], at: Date): InboundMessage {
  const fields: FieldMap = Object.assign(new Fields(), {
    ToUserName: 'gh_trial',
    FromUserName: 'oTrial',
    CreateTime: String(Math.floor(at.getTime() / 1_000)),
    ...content({ type, value }),
  });
  const result = toMessage(fields);
  // The head is complete, and an event has a name.
  if (!result.ok) throw new Error(result.reason);
  return result.message;
}

function content({ type, value }: TryRules['message']): Readonly<Record<string, string>> {
  const event = (name: string, key = '') => ({ MsgType: 'event', Event: name, EventKey: key });
  const MsgId = String(randomInt(1, 2 ** 47));
  switch (type) {
    case 'text':
      return { MsgType: 'text', MsgId, Content: value };
    case 'choice':
      return { MsgType: 'text', MsgId, Content: value, bizmsgmenuid: value };
    case 'voice':
      return { MsgType: 'voice', MsgId, MediaId: 'trial', Format: 'amr', Recognition: value };
    case 'click':
      return event('CLICK', value);
    case 'scan':
      return event('SCAN', value);
    case 'subscribe':
      return event('subscribe', value === '' ? '' : `qrscene_${value}`);
    case 'event':
      return event(value);
    default:
      return { MsgType: type, MsgId };
  }
}
