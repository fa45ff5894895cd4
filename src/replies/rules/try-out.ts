import type { FieldMap } from '../../wechat/in/fields.js';
import { type InboundMessage, toMessage } from '../../wechat/in/message.js';
import { judge, type Unmet } from './conditions.js';
import { defaultName, isForDefault } from './find.js';
import type { Rule, Rules } from './rules.js';
import { type Saying, sayingOf } from './say.js';
import { createSubject, type Subject } from './subject.js';
import { createLocalTimes } from './zone-time.js';

/** What a made-up user does. */
export interface Deed {
  text?: string | undefined;
  /** The entry of a msgmenu that is tapped; the tap comes as this text. */
  choice?: string | undefined;
  event?: string | undefined;
  click?: string | undefined;
  scan?: string | undefined;
  type?: string | undefined;
  openid: string;
  at: Date;
}

export interface TryOut {
  /** Those that were tried and did not apply, in their order. */
  readonly passedOver: readonly { readonly rule: Rule; readonly unmet: Unmet }[];
  /** undefined: neither a rule nor the default. */
  readonly answered:
    | { readonly name: string; readonly line: number | undefined; readonly saying: Saying }
    | undefined;
  readonly subject: Subject;
}

/** Asks the rules one after another, as the service does by way of its index, and keeps why each did not apply. */
export function tryOut(
  { rules, defaultAnswer }: Rules,
  message: InboundMessage,
  account: { appId: string; name: string },
): TryOut {
  const subject = createSubject(message, account, createLocalTimes());
  const passedOver: { rule: Rule; unmet: Unmet }[] = [];
  for (const rule of rules) {
    const verdict = judge(rule, subject);
    if (verdict.applies) {
      const { name, line, answer } = rule;
      const saying = sayingOf(answer, subject, verdict.groups, name);
      return { passedOver, answered: { name, line, saying }, subject };
    }
    passedOver.push({ rule, unmet: verdict.unmet });
  }
  if (!defaultAnswer || !isForDefault(subject)) return { passedOver, answered: undefined, subject };
  const saying = sayingOf(defaultAnswer, subject, {}, defaultName);
  return { passedOver, answered: { name: defaultName, line: undefined, saying }, subject };
}

/** The message that WeChat would push for it; undefined where the deed is none. */
export function messageOf({ openid, at, ...deed }: Deed): InboundMessage | undefined {
  const fields: FieldMap = {
    ...{ ToUserName: 'gh_account', FromUserName: openid },
    CreateTime: String(Math.floor(at.getTime() / 1_000)),
    ...contentOf(deed),
  };
  const parsed = toMessage(fields);
  return parsed.ok ? parsed.message : undefined;
}

function contentOf({ text, choice, event, click, scan, type }: Omit<Deed, 'openid' | 'at'>): FieldMap {
  if (click !== undefined) return { MsgType: 'event', Event: 'CLICK', EventKey: click };
  if (scan !== undefined) {
    const isNew = event?.toLowerCase() === 'subscribe';
    return {
      MsgType: 'event',
      Event: isNew ? 'subscribe' : 'SCAN',
      EventKey: isNew ? `qrscene_${scan}` : scan,
    };
  }
  if (event !== undefined) return { MsgType: 'event', Event: event };
  const words = text === undefined ? {} : { Content: text, Recognition: text };
  const tap = choice === undefined ? {} : { Content: choice, bizmsgmenuid: choice };
  return { MsgType: type ?? 'text', MsgId: '1', ...words, ...tap };
}
