import { type BusinessEvent, toBusinessEvent } from './business-events.js';
import {
  type CommonFields,
  type EventCommon,
  type FieldMap,
  listField,
  nestedFields,
  textField,
} from './fields.js';
import { type SubscribeMessageEvent, toSubscribeMessageEvent } from './subscribe-message-events.js';

/**
 * What the user or the platform did. Coordinates, counts and ids are text, exactly as sent.
 * Source: the reference of event pushes and of menu events.
 */

export interface SubscribeEvent extends EventCommon {
  event: 'subscribe';
  /** Of the QR code that led here: EventKey without `qrscene_`. A user who came otherwise may have another `eventKey`. */
  scene?: string | undefined;
  ticket?: string | undefined;
}

/** The user left: nothing can be sent to them. */
export interface UnsubscribeEvent extends EventCommon {
  event: 'unsubscribe';
}

/** A follower scanned a QR code of the account. */
export interface ScanEvent extends EventCommon {
  event: 'scan';
  scene: string;
  ticket: string;
}

/** Where the user is, sent by itself if they allowed it. */
export interface LocationEvent extends EventCommon {
  event: 'location';
  latitude: string;
  longitude: string;
  precision: string;
}

export interface ClickEvent extends EventCommon {
  event: 'click';
  key: string;
}

export interface ViewEvent extends EventCommon {
  event: 'view';
  url: string;
  menuId?: string | undefined;
}

/** A menu entry that scans codes; `scancode_waitmsg` shows that an answer is awaited. */
export interface ScanCodeEvent extends EventCommon {
  event: 'scancode_push' | 'scancode_waitmsg';
  key: string;
  scanType: string;
  scanResult: string;
}

/** A menu entry that sends pictures; they follow as image messages. */
export interface PicturesEvent extends EventCommon {
  event: 'pic_sysphoto' | 'pic_photo_or_album' | 'pic_weixin';
  key: string;
  count: string;
  /** MD5 of each picture. */
  pictures: string[];
}

/** A menu entry that picks a place. */
export interface LocationSelectEvent extends EventCommon {
  event: 'location_select';
  key: string;
  latitude: string;
  longitude: string;
  scale: string;
  label: string;
  poiName: string;
}

export interface ViewMiniProgramEvent extends EventCommon {
  event: 'view_miniprogram';
  path: string;
  menuId?: string | undefined;
}

/** A template message, or a mass message, was sent or failed: the answer to a job of ours. */
export interface JobFinishEvent extends EventCommon {
  event: 'templatesendjobfinish' | 'masssendjobfinish';
  jobId: string;
  status: string;
  /** Of a mass message. */
  totalCount?: string | undefined;
  filterCount?: string | undefined;
  sentCount?: string | undefined;
  errorCount?: string | undefined;
}

export interface AgentSessionEvent extends EventCommon {
  event: 'kf_create_session' | 'kf_close_session';
  kfAccount: string;
}

export interface AgentSwitchEvent extends EventCommon {
  event: 'kf_switch_session';
  fromKfAccount: string;
  toKfAccount: string;
}

/** An event that this version does not know: stored whole, answered only if a rule says so. */
export interface OtherEvent extends EventCommon {
  event: 'other';
}

export type EventMessage =
  | SubscribeEvent
  | UnsubscribeEvent
  | ScanEvent
  | LocationEvent
  | ClickEvent
  | ViewEvent
  | ScanCodeEvent
  | PicturesEvent
  | LocationSelectEvent
  | ViewMiniProgramEvent
  | JobFinishEvent
  | AgentSessionEvent
  | AgentSwitchEvent
  | SubscribeMessageEvent
  | BusinessEvent
  | OtherEvent;

/** Gives an event its type. Fields that WeChat left out are empty. */
export function toEvent(common: CommonFields, eventName: string): EventMessage {
  const name = eventName.toLowerCase();
  const eventKey = textField(common.fields, 'EventKey') || undefined;
  const base = { kind: 'event', ...common, name, eventKey } as const;
  return toUserEvent(base) ?? toPlatformEvent(base) ?? toBusinessEvent(base) ?? { ...base, event: 'other' };
}

/** Of a user who came, went, told where they are, or used the menu. */
function toUserEvent(base: EventCommon): EventMessage | undefined {
  const { fields, name, eventKey } = base;
  const optional = (of: string) => textField(fields, of) || undefined;
  const field = (of: string) => textField(fields, of) ?? '';
  const key = eventKey ?? '';
  switch (name) {
    case 'subscribe':
      return { ...base, event: name, scene: sceneOf(eventKey), ticket: optional('Ticket') };
    case 'unsubscribe':
      return { ...base, event: name };
    case 'scan':
      return { ...base, event: name, scene: key, ticket: field('Ticket') };
    case 'location': {
      const [latitude, longitude, precision] = [field('Latitude'), field('Longitude'), field('Precision')];
      return { ...base, event: name, latitude, longitude, precision };
    }
    case 'click':
      return { ...base, event: name, key };
    case 'view':
      return { ...base, event: name, url: key, menuId: optional('MenuId') };
    case 'view_miniprogram':
      return { ...base, event: name, path: key, menuId: optional('MenuId') };
    case 'scancode_push':
    case 'scancode_waitmsg': {
      const code = nestedFields(fields, 'ScanCodeInfo');
      const [scanType = '', scanResult = ''] = [textField(code, 'ScanType'), textField(code, 'ScanResult')];
      return { ...base, event: name, key, scanType, scanResult };
    }
    case 'pic_sysphoto':
    case 'pic_photo_or_album':
    case 'pic_weixin': {
      const sent = nestedFields(fields, 'SendPicsInfo');
      const pictures = pictureItems(sent).map((item) => textField(item, 'PicMd5Sum') ?? '');
      return { ...base, event: name, key, count: textField(sent, 'Count') ?? '', pictures };
    }
    case 'location_select':
      return { ...base, event: name, key, ...placeOf(nestedFields(fields, 'SendLocationInfo')) };
    default:
      return undefined;
  }
}

/** What came of a job of ours, of an agent's session, or of a request for subscriptions. */
function toPlatformEvent(base: EventCommon): EventMessage | undefined {
  const { fields, name } = base;
  const optional = (of: string) => textField(fields, of) || undefined;
  const field = (of: string) => textField(fields, of) ?? '';
  switch (name) {
    case 'templatesendjobfinish':
    case 'masssendjobfinish':
      return {
        ...base,
        event: name,
        jobId: textField(fields, 'MsgID') ?? field('MsgId'),
        status: field('Status'),
        totalCount: optional('TotalCount'),
        filterCount: optional('FilterCount'),
        sentCount: optional('SentCount'),
        errorCount: optional('ErrorCount'),
      };
    case 'kf_create_session':
    case 'kf_close_session':
      return { ...base, event: name, kfAccount: field('KfAccount') };
    case 'kf_switch_session': {
      const [fromKfAccount, toKfAccount] = [field('FromKfAccount'), field('ToKfAccount')];
      return { ...base, event: name, fromKfAccount, toKfAccount };
    }
    case 'subscribe_msg_popup_event':
    case 'subscribe_msg_change_event':
    case 'subscribe_msg_sent_event':
      return toSubscribeMessageEvent(base, name);
    default:
      return undefined;
  }
}

/** A QR code's; users who came from a payment or an advertisement have keys of other kinds. */
function sceneOf(eventKey: string | undefined): string | undefined {
  const prefix = 'qrscene_';
  return eventKey?.startsWith(prefix) ? eventKey.slice(prefix.length) : undefined;
}

function placeOf(place: FieldMap) {
  const of = (part: string) => textField(place, part) ?? '';
  return {
    latitude: of('Location_X'),
    longitude: of('Location_Y'),
    scale: of('Scale'),
    label: of('Label'),
    poiName: of('Poiname'),
  };
}

/** In XML the pictures are items inside PicList; in JSON PicList may be the list itself. */
function pictureItems(sent: FieldMap): FieldMap[] {
  const list = listField(sent, 'PicList');
  return list.flatMap((entry) => (entry.item === undefined ? [entry] : listField(entry, 'item')));
}
