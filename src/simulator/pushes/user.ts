import type { Allowance } from '../state/windows.js';
import type { PushResult } from './platform.js';
import { createUserEvents, type UserEvents } from './user-events.js';
import type { XmlFields } from './xml.js';

/** A follower, or somebody about to become one. */
export interface SimulatedUser extends UserEvents {
  readonly openid: string;
  /** How often they saw 该公众号暂时无法提供服务，请稍后再试. */
  readonly notices: number;
  /** `scene`: of the QR code that led here. */
  subscribe(options?: { scene?: string }): Promise<PushResult>;
  /** From now on nothing can be sent to them (43004). */
  unsubscribe(): Promise<PushResult>;
  say(text: string): Promise<PushResult>;
  /** A menu entry of type click. */
  click(key: string): Promise<PushResult>;
  /** A QR code, by somebody who follows already. */
  scan(scene: string): Promise<PushResult>;
  /** Sends a place; degrees. */
  location(place: SimulatedPlace): Promise<PushResult>;
  /** For a mediaId that can be downloaded, here and below: `simulator.media.add`. */
  image(picture?: { picUrl?: string; mediaId?: string }): Promise<PushResult>;
  /** `recognition`: the spoken words, for accounts that have speech recognition on. */
  voice(recording?: { mediaId?: string; format?: string; recognition?: string }): Promise<PushResult>;
  video(film?: SimulatedVideo): Promise<PushResult>;
  shortvideo(film?: SimulatedVideo): Promise<PushResult>;
  link(page: { title: string; description?: string; url: string }): Promise<PushResult>;
  /** An entry of a msgmenu message: arrives as a text, but counts as a menu click. */
  tap(entry: { id: string; content: string }): Promise<PushResult>;
  /** Any message; MsgId is added. A text with `bizmsgmenuid` is a click on a msgmenu entry, and counts as such. */
  message(msgType: string, fields: XmlFields): Promise<PushResult>;
  /** Any event, by its name and its other fields. */
  event(name: string, fields?: XmlFields): Promise<PushResult>;
  event(fields: XmlFields & { readonly Event: string }): Promise<PushResult>;
  /** Pushes the very same body again, signed anew, as the platform does when it saw no response. */
  resend(earlier: PushResult): Promise<PushResult>;
}

export interface SimulatedPlace {
  latitude: number;
  longitude: number;
  scale?: number;
  label?: string;
}

export interface SimulatedVideo {
  mediaId?: string;
  thumbMediaId?: string;
}

export interface UserDependencies {
  openid: string;
  /** Opens the window that the action earns, then pushes it. */
  act(fields: XmlFields, allowance: Allowance | undefined): Promise<PushResult>;
  resend(earlier: PushResult): Promise<PushResult>;
  nextMsgId(): bigint;
  notices(): number;
  /** `scene`: of the QR code that led here. */
  follow(following: boolean, scene?: string): void;
}

/** By the event's name in lower case; others open no window. */
const eventAllowance: ReadonlyMap<string, Allowance> = new Map([
  ['subscribe', 'subscribe'],
  ['scan', 'scan'],
  ['click', 'menu'],
  ['scancode_push', 'menu'],
  ['scancode_waitmsg', 'menu'],
]);

export function createUser(dependencies: UserDependencies): SimulatedUser {
  const { openid, act, resend, nextMsgId, notices, follow } = dependencies;

  function message(msgType: string, fields: XmlFields): Promise<PushResult> {
    const allowance = fields.bizmsgmenuid === undefined ? 'message' : 'menu';
    return act({ MsgType: msgType, ...fields, MsgId: nextMsgId() }, allowance);
  }

  function event(
    nameOrFields: string | (XmlFields & { readonly Event: string }),
    more: XmlFields = {},
  ): Promise<PushResult> {
    const { Event: name, ...fields } =
      typeof nameOrFields === 'string' ? { ...more, Event: nameOrFields } : nameOrFields;
    const known = name.toLowerCase();
    if (known === 'subscribe' || known === 'unsubscribe')
      follow(known === 'subscribe', String(fields.EventKey ?? '').replace(/^qrscene_/, ''));
    return act({ MsgType: 'event', Event: name, ...fields }, eventAllowance.get(known));
  }

  function film(msgType: 'video' | 'shortvideo', { mediaId, thumbMediaId }: SimulatedVideo) {
    return message(msgType, { MediaId: mediaId ?? 'SIM_media', ThumbMediaId: thumbMediaId ?? 'SIM_thumb' });
  }

  return {
    ...createUserEvents(event),
    openid,
    get notices() {
      return notices();
    },
    subscribe({ scene } = {}) {
      return event(
        'subscribe',
        scene === undefined ? { EventKey: '' } : { EventKey: `qrscene_${scene}`, Ticket: `T_${scene}` },
      );
    },
    unsubscribe: () => event('unsubscribe', { EventKey: '' }),
    say: (text) => message('text', { Content: text }),
    click: (key) => event('CLICK', { EventKey: key }),
    scan: (scene) => event('SCAN', { EventKey: scene, Ticket: `T_${scene}` }),
    location: ({ latitude, longitude, scale = 15, label = '' }) =>
      message('location', { Location_X: latitude, Location_Y: longitude, Scale: scale, Label: label }),
    image: ({ picUrl = 'https://mmbiz.qpic.cn/simulated/0', mediaId = 'SIM_media' } = {}) =>
      message('image', { PicUrl: picUrl, MediaId: mediaId }),
    voice: ({ mediaId = 'SIM_media', format = 'amr', recognition } = {}) =>
      message('voice', {
        MediaId: mediaId,
        Format: format,
        ...(recognition === undefined ? {} : { Recognition: recognition }),
      }),
    video: (details = {}) => film('video', details),
    shortvideo: (details = {}) => film('shortvideo', details),
    link: ({ title, description = '', url }) =>
      message('link', { Title: title, Description: description, Url: url }),
    tap: ({ id, content }) => message('text', { Content: content, bizmsgmenuid: id }),
    message,
    event,
    resend,
  };
}
