import type { PushResult } from './platform.js';
import type { XmlFields } from './xml.js';

/** The events of a menu, and those that the platform makes about a user, in the form of the reference. */
export interface UserEvents {
  /** VIEW: a menu entry that opens a page. `menuId` is there for menus made for some users only. */
  view(url: string, options?: { menuId?: bigint }): Promise<PushResult>;
  /** A menu entry that opens the scanner; `wait`: it shows 消息接收中 until the account answers. */
  scanCode(scanned: { key: string; result: string; type?: string; wait?: boolean }): Promise<PushResult>;
  /** A menu entry for pictures, by their MD5 sums; the pictures themselves follow as messages. */
  sendPictures(sent: { key: string; md5Sums: readonly string[]; from?: PictureSource }): Promise<PushResult>;
  /** A menu entry for a place; the place follows as a message. */
  selectLocation(selected: SelectedLocation): Promise<PushResult>;
  /** A menu entry that opens a mini program, by its page. */
  viewMiniprogram(path: string, options?: { menuId?: bigint }): Promise<PushResult>;
  /** LOCATION: where the user is, with their consent; degrees, and metres of precision. */
  reportLocation(position: { latitude: number; longitude: number; precision?: number }): Promise<PushResult>;
  /** TEMPLATESENDJOBFINISH; `status`: `success` by default, or why not, such as `failed:user block`. */
  templateSent(job: { msgId: bigint; status?: string }): Promise<PushResult>;
  /** MASSSENDJOBFINISH; `send success` to all by default. */
  massSent(job: MassJob): Promise<PushResult>;
  kfCreateSession(kfAccount: string): Promise<PushResult>;
  kfCloseSession(kfAccount: string): Promise<PushResult>;
  kfSwitchSession(session: { from: string; to: string }): Promise<PushResult>;
  /** What the user chose in the dialogue that asks for subscriptions. */
  answerSubscriptions(choices: readonly SubscriptionChoice[]): Promise<PushResult>;
  /** What the user changed in the account's settings: they can only refuse there. */
  changeSubscriptions(choices: readonly SubscriptionChoice[]): Promise<PushResult>;
  subscriptionsSent(messages: readonly SubscriptionMessage[]): Promise<PushResult>;
}

export type PictureSource = 'camera' | 'camera or album' | 'album';

export interface SelectedLocation {
  key: string;
  latitude: number;
  longitude: number;
  scale?: number;
  label?: string;
  poiName?: string;
}

export interface MassJob {
  msgId: bigint;
  status?: string;
  total: number;
  filtered?: number;
  sent?: number;
  failed?: number;
}

export interface SubscriptionChoice {
  templateId: string;
  accepted: boolean;
}

export interface SubscriptionMessage {
  templateId: string;
  msgId: bigint;
  /** 0 by default. */
  errorCode?: number;
  /** `success` by default. */
  errorStatus?: string;
}

const pictureEvents: Readonly<Record<PictureSource, string>> = {
  camera: 'pic_sysphoto',
  'camera or album': 'pic_photo_or_album',
  album: 'pic_weixin',
};

export function createUserEvents(
  event: (name: string, fields: XmlFields) => Promise<PushResult>,
): UserEvents {
  return {
    view: (url, { menuId } = {}) => event('VIEW', { EventKey: url, ...optionalMenuId(menuId) }),
    scanCode: ({ key, result, type = 'qrcode', wait = false }) =>
      event(wait ? 'scancode_waitmsg' : 'scancode_push', {
        EventKey: key,
        ScanCodeInfo: { ScanType: type, ScanResult: result },
      }),
    sendPictures: ({ key, md5Sums, from = 'album' }) =>
      event(pictureEvents[from], {
        EventKey: key,
        SendPicsInfo: {
          Count: md5Sums.length,
          PicList: { item: md5Sums.map((sum) => ({ PicMd5Sum: sum })) },
        },
      }),
    // Unlike a location message, the event has its numbers in CDATA.
    selectLocation: ({ key, latitude, longitude, scale = 15, label = '', poiName = '' }) =>
      event('location_select', {
        EventKey: key,
        SendLocationInfo: {
          Location_X: String(latitude),
          Location_Y: String(longitude),
          Scale: String(scale),
          Label: label,
          Poiname: poiName,
        },
      }),
    viewMiniprogram: (path, { menuId } = {}) =>
      event('view_miniprogram', { EventKey: path, ...optionalMenuId(menuId) }),
    reportLocation: ({ latitude, longitude, precision = 30 }) =>
      event('LOCATION', { Latitude: latitude, Longitude: longitude, Precision: precision }),
    templateSent: ({ msgId, status = 'success' }) =>
      event('TEMPLATESENDJOBFINISH', { MsgID: msgId, Status: status }),
    massSent: ({ msgId, status = 'send success', total, filtered = total, sent = filtered, failed = 0 }) =>
      event('MASSSENDJOBFINISH', {
        MsgID: msgId,
        Status: status,
        TotalCount: total,
        FilterCount: filtered,
        SentCount: sent,
        ErrorCount: failed,
      }),
    kfCreateSession: (kfAccount) => event('kf_create_session', { KfAccount: kfAccount }),
    kfCloseSession: (kfAccount) => event('kf_close_session', { KfAccount: kfAccount }),
    kfSwitchSession: ({ from, to }) => event('kf_switch_session', { FromKfAccount: from, ToKfAccount: to }),
    answerSubscriptions: (choices) =>
      event('subscribe_msg_popup_event', {
        SubscribeMsgPopupEvent: { List: choices.map((choice) => ({ ...chosen(choice), PopupScene: '2' })) },
      }),
    changeSubscriptions: (choices) =>
      event('subscribe_msg_change_event', { SubscribeMsgChangeEvent: { List: choices.map(chosen) } }),
    subscriptionsSent: (messages) =>
      event('subscribe_msg_sent_event', { SubscribeMsgSentEvent: { List: messages.map(sentMessage) } }),
  };
}

function optionalMenuId(menuId: bigint | undefined): XmlFields {
  return menuId === undefined ? {} : { MenuId: menuId };
}

function chosen({ templateId, accepted }: SubscriptionChoice): XmlFields {
  return { TemplateId: templateId, SubscribeStatusString: accepted ? 'accept' : 'reject' };
}

function sentMessage({
  templateId,
  msgId,
  errorCode = 0,
  errorStatus = 'success',
}: SubscriptionMessage): XmlFields {
  return { TemplateId: templateId, MsgID: msgId, ErrorCode: errorCode, ErrorStatus: errorStatus };
}
