/** What WeChat pushes to the webhook. Field names in comments are those of the wire format. */

import { type EventMessage, toEvent } from './events.js';
import { type CommonFields, type FieldMap, firstText, textField } from './fields.js';

interface UserMessage extends CommonFields {
  /** MsgId: 64 bits, kept as text. Absent only if WeChat left it out. */
  msgId?: string | undefined;
}

export interface TextMessage extends UserMessage {
  kind: 'text';
  content: string;
  /** bizmsgmenuid: set when the user clicked an entry of a menu message. */
  menuId?: string | undefined;
}

export interface ImageMessage extends UserMessage {
  kind: 'image';
  picUrl: string;
  mediaId: string;
}

export interface VoiceMessage extends UserMessage {
  kind: 'voice';
  mediaId: string;
  format: string;
  /** Recognition: the recognised speech, if the account has that switched on. */
  recognition?: string | undefined;
}

export interface VideoMessage extends UserMessage {
  kind: 'video' | 'shortvideo';
  mediaId: string;
  thumbMediaId: string;
}

export interface LocationMessage extends UserMessage {
  kind: 'location';
  /** Location_X, Location_Y: decimal degrees as sent. */
  latitude: string;
  longitude: string;
  scale: string;
  label: string;
}

export interface LinkMessage extends UserMessage {
  kind: 'link';
  title: string;
  description: string;
  url: string;
}

/** A MsgType that this version does not know: stored whole, answered only if a rule says so. */
export interface UnknownMessage extends UserMessage {
  kind: 'unknown';
  msgType: string;
}

export type InboundMessage =
  | TextMessage
  | ImageMessage
  | VoiceMessage
  | VideoMessage
  | LocationMessage
  | LinkMessage
  | EventMessage
  | UnknownMessage;

/** The MsgType as stored and searched: WeChat's own word, also for types unknown to us. */
export function messageType(message: InboundMessage): string {
  return message.kind === 'unknown' ? message.msgType : message.kind;
}

/** What an analyst would search for, or undefined where there is no such text. */
export function searchableText(message: InboundMessage): string | undefined {
  switch (message.kind) {
    case 'text':
      return message.content;
    case 'voice':
      return message.recognition;
    case 'location':
      return message.label;
    case 'link':
      return message.title;
    case 'image':
    case 'video':
    case 'shortvideo':
    case 'event':
    case 'unknown':
      return undefined;
  }
}

export type MessageResult = { ok: true; message: InboundMessage } | { ok: false; reason: string };

/** An OpenID has 28 characters, and an entry of an index of Postgres holds 2.7 kB. */
const maxOpenidLength = 128;

/** Gives the fields of a push their type: as they came, or as they were stored (inbound_message.payload). */
export function toMessage(fields: FieldMap): MessageResult {
  const text = (name: string) => textField(fields, name);
  // The head stands before all that a user can write: should one of these be repeated, the first is WeChat's.
  const openid = firstText(fields, 'FromUserName');
  const msgType = firstText(fields, 'MsgType');
  const createTime = firstText(fields, 'CreateTime');
  if (!openid) return { ok: false, reason: 'FromUserName is missing' };
  if (openid.length > maxOpenidLength) return { ok: false, reason: 'FromUserName is too long for an OpenID' };
  if (!msgType) return { ok: false, reason: 'MsgType is missing' };
  if (!createTime || !/^\d{1,11}$/.test(createTime)) {
    return { ok: false, reason: 'CreateTime is missing or not a unix time in seconds' };
  }
  const common = {
    toUserName: firstText(fields, 'ToUserName') ?? '',
    openid,
    createTime: Number(createTime),
    fields,
  };
  if (msgType.toLowerCase() === 'event') {
    const event = firstText(fields, 'Event');
    if (!event) return { ok: false, reason: 'Event is missing' };
    return { ok: true, message: toEvent(common, event) };
  }
  const msgId = text('MsgId') || undefined;
  if (msgType === 'text') return { ok: true, message: toTextMessage(common, msgId, text) };
  return { ok: true, message: toUserMessage(msgType, { ...common, msgId }, text) };
}

/** Nearly every message is one. Field by field: V8 is slow at spreading an object. */
function toTextMessage(
  { toUserName, openid, createTime, fields }: CommonFields,
  msgId: string | undefined,
  text: (name: string) => string | undefined,
): InboundMessage {
  return {
    kind: 'text',
    toUserName,
    openid,
    createTime,
    fields,
    msgId,
    content: text('Content') ?? '',
    menuId: text('bizmsgmenuid'),
  };
}

interface UserMessageFields extends CommonFields {
  msgId: string | undefined;
}

function toUserMessage(
  msgType: string,
  common: UserMessageFields,
  text: (name: string) => string | undefined,
): InboundMessage {
  const field = (name: string) => text(name) ?? '';
  switch (msgType) {
    case 'image':
      return { kind: 'image', ...common, picUrl: field('PicUrl'), mediaId: field('MediaId') };
    case 'voice':
      return {
        kind: 'voice',
        ...common,
        mediaId: field('MediaId'),
        format: field('Format'),
        recognition: text('Recognition') || undefined,
      };
    case 'video':
    case 'shortvideo':
      return { kind: msgType, ...common, mediaId: field('MediaId'), thumbMediaId: field('ThumbMediaId') };
    case 'location':
      return {
        kind: 'location',
        ...common,
        latitude: field('Location_X'),
        longitude: field('Location_Y'),
        scale: field('Scale'),
        label: field('Label'),
      };
    case 'link':
      return {
        kind: 'link',
        ...common,
        title: field('Title'),
        description: field('Description'),
        url: field('Url'),
      };
    default:
      return { kind: 'unknown', ...common, msgType };
  }
}
