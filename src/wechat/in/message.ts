/** What WeChat pushes to the webhook. Field names in comments are those of the wire format. */

import type { EventMessage } from './events.js';
import type { CommonFields } from './fields.js';

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
