import type { PushResult, XmlFields } from './types.js';
import type { Allowance } from './windows.js';

/** A follower, or somebody about to become one. */
export interface SimulatedUser {
  readonly openid: string;
  /** How often they saw 该公众号暂时无法提供服务，请稍后再试. */
  readonly notices: number;
  subscribe(scene?: string): Promise<PushResult>;
  unsubscribe(): Promise<PushResult>;
  say(text: string): Promise<PushResult>;
  click(key: string): Promise<PushResult>;
  scan(scene: string): Promise<PushResult>;
  /** Any message; MsgId is added. */
  message(msgType: string, fields: XmlFields): Promise<PushResult>;
  /** Any event. */
  event(name: string, fields?: XmlFields): Promise<PushResult>;
  /** Pushes the very same message again, as the platform does when it saw no answer. */
  resend(earlier: PushResult): Promise<PushResult>;
}

export interface UserDependencies {
  openid: string;
  push(openid: string, fields: XmlFields, allowance: Allowance | undefined): Promise<PushResult>;
  repeat(earlier: PushResult): Promise<PushResult>;
  nextMsgId(): bigint;
  noticesOf(openid: string): number;
  follow(openid: string, following: boolean): void;
}

const eventAllowance: Readonly<Record<string, Allowance>> = {
  subscribe: 'subscribe',
  scan: 'scan',
  click: 'menu',
  scancode_push: 'menu',
  scancode_waitmsg: 'menu',
};

export function createUser({
  openid,
  push,
  repeat,
  nextMsgId,
  noticesOf,
  follow,
}: UserDependencies): SimulatedUser {
  const message = (msgType: string, fields: XmlFields) =>
    push(openid, { MsgType: msgType, ...fields, MsgId: nextMsgId() }, 'message');
  const event = (name: string, fields: XmlFields = {}) =>
    push(openid, { MsgType: 'event', Event: name, ...fields }, eventAllowance[name.toLowerCase()]);

  return {
    openid,
    get notices() {
      return noticesOf(openid);
    },
    subscribe(scene) {
      follow(openid, true);
      return event(
        'subscribe',
        scene === undefined ? { EventKey: '' } : { EventKey: `qrscene_${scene}`, Ticket: `T_${scene}` },
      );
    },
    unsubscribe() {
      follow(openid, false);
      return event('unsubscribe', { EventKey: '' });
    },
    say: (text) => message('text', { Content: text }),
    click: (key) => event('CLICK', { EventKey: key }),
    scan: (scene) => event('SCAN', { EventKey: scene, Ticket: `T_${scene}` }),
    message,
    event,
    resend: repeat,
  };
}
