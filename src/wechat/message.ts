/** What WeChat pushes to the webhook. Field names in comments are those of the wire format. */

/** A field as sent: text, a nested element, or one that is repeated. Numbers stay text, so that 64-bit ids stay exact. */
export type FieldValue = string | FieldMap | FieldValue[];

export interface FieldMap {
  [name: string]: FieldValue;
}

interface Common {
  /** ToUserName: the account's original id (gh_…). */
  toUserName: string;
  /** FromUserName: the user. */
  openid: string;
  /** CreateTime, unix seconds by WeChat's clock. */
  createTime: number;
  /** Every field as sent, for what has no property of its own. */
  fields: FieldMap;
}

interface UserMessage extends Common {
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

/** Something the user or the platform did. Events have no MsgId. */
export interface EventMessage extends Common {
  kind: 'event';
  /** Event in lower case: WeChat's own case varies. */
  event: string;
  eventKey?: string | undefined;
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

/** A field that must be text: undefined when it is absent or has elements inside. */
export function textField(fields: FieldMap, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' ? value : undefined;
}
