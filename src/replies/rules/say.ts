import { textField } from '../../wechat/in/fields.js';
import { searchableText } from '../../wechat/in/message.js';
import type { Reply } from '../../wechat/out/reply.js';
import type { Groups } from './conditions.js';
import type { NamedSource, RuleAnswer, Said } from './rules.js';
import type { Subject } from './subject.js';
import { type FieldSource, fill } from './template.js';

/** What an answer comes to for one message. */
export type Saying =
  | { readonly kind: 'say'; readonly replies: readonly Reply[]; readonly handOver: string | undefined }
  | { readonly kind: 'source'; readonly source: NamedSource };

/** What handOver takes: characters. */
const maxReasonLength = 200;

/** @param purpose of a choice by chance: the name of the rule */
export function sayingOf(answer: RuleAnswer, subject: Subject, groups: Groups, purpose: string): Saying {
  switch (answer.kind) {
    case 'source':
      return answer;
    case 'oneOf': {
      const { answers } = answer;
      const chosen = answers[Math.floor(subject.draw(`oneOf ${purpose}`) * answers.length)];
      // A file has one at least.
      if (!chosen) throw new RangeError(`"${purpose}" has nothing to choose from`);
      return sayingOf(chosen, subject, groups, purpose);
    }
    case 'say':
      return say(answer.said, fieldsOf(subject, groups));
  }
}

function say(said: readonly Said[], fields: FieldSource): Saying {
  const replies: Reply[] = [];
  let handOver: string | undefined;
  for (const one of said) {
    if (one.kind === 'reply') {
      replies.push(one.hasFields ? filledReply(one.reply, fields) : one.reply);
    } else {
      // Fields may be as long as messages, and may be empty.
      const reason = fill(one.reason, fields).trim().slice(0, maxReasonLength);
      handOver = reason === '' ? one.reason.slice(0, maxReasonLength) : reason;
    }
  }
  return { kind: 'say', replies, handOver };
}

/** Nearly every reply is a text. */
function filledReply(reply: Reply, fields: FieldSource): Reply {
  if (reply.type !== 'text') return filled(reply, fields) as Reply;
  const { type, content, kfAccount } = reply;
  return { type, content: fill(content, fields), ...(kfAccount === undefined ? {} : { kfAccount }) };
}

const addresses = ['url', 'picUrl', 'musicUrl', 'hqMusicUrl', 'pagePath'];

/** In an address a value is one part of it: it can lead nowhere else. */
function filled(value: unknown, fields: FieldSource, name = ''): unknown {
  if (typeof value === 'string') {
    return addresses.includes(name) ? fill(value, fields, encodeValue) : fill(value, fields);
  }
  if (Array.isArray(value)) return value.map((one) => filled(one, fields, name));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filled(inner, fields, key)]));
}

/** A text cut inside a character is no text that can be encoded. */
function encodeValue(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

function fieldsOf({ message, appId, accountName, text, scene }: Subject, groups: Groups): FieldSource {
  return {
    field(name) {
      if (name.startsWith('match.')) return ownOf(groups, name.slice('match.'.length));
      if (name.startsWith('fields.')) return textField(message.fields, name.slice('fields.'.length));
      switch (name) {
        case 'content':
          return text ?? searchableText(message);
        case 'openid':
          return message.openid;
        case 'eventKey':
          return message.kind === 'event' ? message.eventKey : undefined;
        case 'scene':
          return scene;
        case 'appId':
          return appId;
        case 'account':
          return accountName;
        default:
          return undefined;
      }
    },
  };
}

function ownOf(groups: Groups, name: string): string | undefined {
  return Object.hasOwn(groups, name) ? groups[name] : undefined;
}
