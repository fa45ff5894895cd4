import { createHash } from 'node:crypto';
import { type InboundMessage, messageType } from '../../wechat/in/message.js';
import { fold, foldSpeech } from './fold.js';
import type { LocalTime, LocalTimes } from './zone-time.js';

/** A message as rules look at it. */
export interface Subject {
  readonly message: InboundMessage;
  readonly appId: string;
  readonly accountName: string;
  /** What the user wrote, or said as far as it was recognised. */
  readonly text: string | undefined;
  readonly folded: string | undefined;
  readonly type: string;
  /** Of a QR code, whether it made a new follower or not. */
  readonly scene: string | undefined;
  /** By WeChat's clock when the user did it: asked again later, the rules say the same. */
  localTime(timeZone: string): LocalTime;
  /** From 0 to 1, and for one message and one purpose always the same. */
  draw(purpose: string): number;
}

export function createSubject(
  message: InboundMessage,
  account: { readonly appId: string; readonly name: string },
  localTimes: LocalTimes,
): Subject {
  const text = textOf(message);
  const folded = text === undefined ? undefined : message.kind === 'voice' ? foldSpeech(text) : fold(text);
  let times: Map<string, LocalTime> | undefined;
  const { appId, name: accountName } = account;
  const type = message.kind === 'unknown' ? 'unknown' : messageType(message);
  // Field by field, and no map before it is needed: it is made for each message.
  return {
    message,
    appId,
    accountName,
    text,
    folded,
    type,
    scene: sceneOf(message),
    localTime(timeZone) {
      times ??= new Map();
      const known = times.get(timeZone);
      if (known) return known;
      const time = localTimes(timeZone, new Date(message.createTime * 1_000));
      times.set(timeZone, time);
      return time;
    },
    draw: (purpose) => draw([appId, identityOf(message), purpose]),
  };
}

function textOf(message: InboundMessage): string | undefined {
  if (message.kind === 'text') return message.content;
  return message.kind === 'voice' ? message.recognition : undefined;
}

function sceneOf(message: InboundMessage): string | undefined {
  if (message.kind !== 'event') return undefined;
  return message.event === 'scan' || message.event === 'subscribe' ? message.scene : undefined;
}

function identityOf(message: InboundMessage): string {
  const { openid, createTime } = message;
  const id = message.kind === 'event' ? `${message.name} ${message.eventKey ?? ''}` : message.msgId;
  return `${openid} ${createTime} ${id ?? ''}`;
}

/** No secret, so a digest does: of 48 bits, which a number holds exactly. */
function draw(of: readonly string[]): number {
  return createHash('sha1').update(JSON.stringify(of)).digest().readUIntBE(0, 6) / 2 ** 48;
}
