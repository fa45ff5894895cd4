import { describe, expect, test } from 'vitest';
import type { XmlFields } from '../../src/simulator/index.js';
import { createBody } from '../../src/simulator/pushes/body.js';
import type { InboundMessage } from '../../src/wechat/in/message.js';
import { parseInbound } from '../support/parse-inbound.js';

const account = { appId: 'wx1', appSecret: 's', token: 't' };
const common = { ToUserName: 'gh_1', FromUserName: 'oABC', CreateTime: 1_348_831_860 };

/** Every message and event of the reference, as pushed, and what the reply logic sees of it. */
const golden: readonly [name: string, pushed: XmlFields, seen: Record<string, unknown>][] = [
  ['text', { MsgType: 'text', Content: '你好', MsgId: 1n }, { kind: 'text', content: '你好', msgId: '1' }],
  [
    'a tap on a menu message',
    { MsgType: 'text', Content: 'Yes', bizmsgmenuid: '101', MsgId: 2n },
    { kind: 'text', content: 'Yes', menuId: '101' },
  ],
  [
    'image',
    { MsgType: 'image', PicUrl: 'https://x/p.jpg', MediaId: 'M', MsgId: 3n },
    { kind: 'image', picUrl: 'https://x/p.jpg', mediaId: 'M' },
  ],
  [
    'voice',
    { MsgType: 'voice', MediaId: 'M', Format: 'amr', Recognition: '明天', MediaId16K: 'M16', MsgId: 4n },
    { kind: 'voice', mediaId: 'M', format: 'amr', recognition: '明天', fields: { MediaId16K: 'M16' } },
  ],
  [
    'video',
    { MsgType: 'video', MediaId: 'M', ThumbMediaId: 'T', MsgId: 5n },
    { kind: 'video', mediaId: 'M', thumbMediaId: 'T' },
  ],
  [
    'shortvideo',
    { MsgType: 'shortvideo', MediaId: 'M', ThumbMediaId: 'T', MsgId: 6n },
    { kind: 'shortvideo', mediaId: 'M' },
  ],
  [
    'location',
    {
      MsgType: 'location',
      Location_X: 23.134521,
      Location_Y: 113.358803,
      Scale: 20,
      Label: '位置',
      MsgId: 7n,
    },
    { kind: 'location', latitude: '23.134521', longitude: '113.358803', scale: '20', label: '位置' },
  ],
  [
    'link',
    { MsgType: 'link', Title: 'T', Description: 'D', Url: 'https://x', MsgId: 18_446_744_073_709_551_615n },
    { kind: 'link', title: 'T', description: 'D', url: 'https://x', msgId: '18446744073709551615' },
  ],
  [
    'an unknown type',
    { MsgType: 'hologram', Beam: 7, MsgId: 9n },
    { kind: 'unknown', msgType: 'hologram', fields: { Beam: '7' } },
  ],
  [
    'subscribe',
    { MsgType: 'event', Event: 'subscribe', EventKey: '' },
    { event: 'subscribe', scene: undefined },
  ],
  [
    'subscribe by QR code',
    { MsgType: 'event', Event: 'subscribe', EventKey: 'qrscene_42', Ticket: 'TK' },
    { event: 'subscribe', scene: '42', ticket: 'TK', eventKey: 'qrscene_42' },
  ],
  ['unsubscribe', { MsgType: 'event', Event: 'unsubscribe', EventKey: '' }, { event: 'unsubscribe' }],
  [
    'SCAN',
    { MsgType: 'event', Event: 'SCAN', EventKey: '42', Ticket: 'TK' },
    { event: 'scan', scene: '42', ticket: 'TK' },
  ],
  [
    'LOCATION',
    { MsgType: 'event', Event: 'LOCATION', Latitude: 23.1, Longitude: 113.3, Precision: 119.385 },
    { event: 'location', latitude: '23.1', longitude: '113.3', precision: '119.385' },
  ],
  ['CLICK', { MsgType: 'event', Event: 'CLICK', EventKey: 'HELP' }, { event: 'click', key: 'HELP' }],
  [
    'VIEW',
    { MsgType: 'event', Event: 'VIEW', EventKey: 'https://x', MenuId: 5n },
    { event: 'view', url: 'https://x', menuId: '5' },
  ],
  ...['scancode_push', 'scancode_waitmsg'].map((name): (typeof golden)[number] => [
    name,
    { MsgType: 'event', Event: name, EventKey: 'K', ScanCodeInfo: { ScanType: 'qrcode', ScanResult: '42' } },
    { event: name, key: 'K', scanType: 'qrcode', scanResult: '42' },
  ]),
  ...['pic_sysphoto', 'pic_photo_or_album', 'pic_weixin'].map((name): (typeof golden)[number] => [
    name,
    {
      MsgType: 'event',
      Event: name,
      EventKey: 'K',
      SendPicsInfo: { Count: 2, PicList: { item: [{ PicMd5Sum: 'a' }, { PicMd5Sum: 'b' }] } },
    },
    { event: name, key: 'K', count: '2', pictures: ['a', 'b'] },
  ]),
  [
    'pic_weixin with one picture',
    {
      MsgType: 'event',
      Event: 'pic_weixin',
      EventKey: 'K',
      SendPicsInfo: { Count: 1, PicList: { item: { PicMd5Sum: 'a' } } },
    },
    { event: 'pic_weixin', pictures: ['a'] },
  ],
  [
    'location_select',
    {
      MsgType: 'event',
      Event: 'location_select',
      EventKey: 'K',
      SendLocationInfo: { Location_X: 23, Location_Y: 113, Scale: 15, Label: 'L', Poiname: 'P' },
    },
    {
      event: 'location_select',
      key: 'K',
      latitude: '23',
      longitude: '113',
      scale: '15',
      label: 'L',
      poiName: 'P',
    },
  ],
  [
    'view_miniprogram',
    { MsgType: 'event', Event: 'view_miniprogram', EventKey: 'pages/index', MenuId: 6n },
    { event: 'view_miniprogram', path: 'pages/index', menuId: '6' },
  ],
  [
    'TEMPLATESENDJOBFINISH',
    { MsgType: 'event', Event: 'TEMPLATESENDJOBFINISH', MsgID: 200_163_836_123_456_789n, Status: 'success' },
    { event: 'templatesendjobfinish', jobId: '200163836123456789', status: 'success' },
  ],
  [
    'MASSSENDJOBFINISH',
    {
      MsgType: 'event',
      Event: 'MASSSENDJOBFINISH',
      MsgID: 9n,
      Status: 'sendsuccess',
      TotalCount: 100,
      FilterCount: 80,
      SentCount: 75,
      ErrorCount: 5,
    },
    {
      event: 'masssendjobfinish',
      jobId: '9',
      totalCount: '100',
      filterCount: '80',
      sentCount: '75',
      errorCount: '5',
    },
  ],
  ...['kf_create_session', 'kf_close_session'].map((name): (typeof golden)[number] => [
    name,
    { MsgType: 'event', Event: name, KfAccount: 'anna@shop' },
    { event: name, kfAccount: 'anna@shop' },
  ]),
  [
    'kf_switch_session',
    { MsgType: 'event', Event: 'kf_switch_session', FromKfAccount: 'anna@shop', ToKfAccount: 'ben@shop' },
    { event: 'kf_switch_session', fromKfAccount: 'anna@shop', toKfAccount: 'ben@shop' },
  ],
  ...subscribeMessages(),
  [
    'subscribe after a payment',
    { MsgType: 'event', Event: 'subscribe', EventKey: 'last_trade_no_4200001' },
    { event: 'subscribe', scene: undefined, eventKey: 'last_trade_no_4200001' },
  ],
  [
    'user_get_card',
    {
      MsgType: 'event',
      Event: 'user_get_card',
      CardId: 'pC',
      UserCardCode: '12',
      OuterStr: 's',
      IsGiveByFriend: 1,
    },
    {
      event: 'user_get_card',
      cardId: 'pC',
      userCardCode: '12',
      outerStr: 's',
      fields: { IsGiveByFriend: '1' },
    },
  ],
  [
    'user_gifting_card',
    {
      MsgType: 'event',
      Event: 'user_gifting_card',
      CardId: 'pC',
      UserCardCode: '12',
      FriendUserName: 'oB',
      IsReturnBack: 0,
    },
    { event: 'user_gifting_card', friendUserName: 'oB', isReturnBack: '0' },
  ],
  [
    'user_pay_from_pay_cell',
    {
      MsgType: 'event',
      Event: 'user_pay_from_pay_cell',
      CardId: 'pC',
      UserCardCode: '12',
      TransId: '100222',
    },
    { event: 'user_pay_from_pay_cell', transId: '100222' },
  ],
  [
    'card_sku_remind',
    { MsgType: 'event', Event: 'card_sku_remind', CardId: 'pC', Detail: 'few left' },
    { event: 'card_sku_remind', cardId: 'pC', detail: 'few left' },
  ],
  [
    'card_pay_order',
    { MsgType: 'event', Event: 'card_pay_order', OrderId: '404091456', Status: 'ORDER_STATUS_FINANCE_SUCC' },
    { event: 'card_pay_order', orderId: '404091456' },
  ],
  [
    'user_authorize_invoice',
    { MsgType: 'event', Event: 'user_authorize_invoice', SuccOrderId: '12', FailOrderId: '' },
    { event: 'user_authorize_invoice', succOrderId: '12', failOrderId: undefined },
  ],
  [
    'user_authorization_revoke',
    { MsgType: 'event', Event: 'user_authorization_revoke', OpenID: 'oB', RevokeInfo: '301' },
    { event: 'user_authorization_revoke', subject: 'oB', revokeInfo: '301' },
  ],
  [
    'PUBLISHJOBFINISH',
    { MsgType: 'event', Event: 'PUBLISHJOBFINISH', PublishEventInfo: { publish_id: 2_247_503_051n } },
    { event: 'publishjobfinish', publishId: '2247503051' },
  ],
  [
    'qualification_verify_fail',
    { MsgType: 'event', Event: 'qualification_verify_fail', FailTime: 1_442_401_122, FailReason: 'by time' },
    { event: 'qualification_verify_fail', failTime: '1442401122', fields: { FailReason: 'by time' } },
  ],
  [
    'an unknown event',
    { MsgType: 'event', Event: 'Teleport', Where: { X: 1, Y: [2, 3] } },
    { event: 'other', name: 'teleport', fields: { Where: { X: '1', Y: ['2', '3'] } } },
  ],
];

/** In every form that a sample of the reference or a report of users has. */
function subscribeMessages(): (typeof golden)[number][] {
  const one = { TemplateId: 'A', SubscribeStatusString: 'accept', PopupScene: '1' };
  const two = { TemplateId: 'B', SubscribeStatusString: 'reject', PopupScene: '2' };
  const result = { TemplateId: 'A', MsgID: '1864323726461255680', ErrorCode: '0', ErrorStatus: 'success' };
  const items = [
    { templateId: 'A', status: 'accept', popupScene: '1', fields: one },
    { templateId: 'B', status: 'reject', popupScene: '2', fields: two },
  ];
  const shape = (form: string, name: string, more: XmlFields, seen: unknown[]): (typeof golden)[number] => [
    `${name}, ${form}`,
    { MsgType: 'event', Event: name, ...more },
    { event: name, items: seen },
  ];
  return [
    ['subscribe_msg_popup_event', 'SubscribeMsgPopupEvent'] as const,
    ['subscribe_msg_change_event', 'SubscribeMsgChangeEvent'] as const,
    ['subscribe_msg_change_event', 'SubscribeMsgPopupEvent'] as const,
  ]
    .flatMap(([name, wrapper]) => [
      shape(`several in ${wrapper}`, name, { [wrapper]: { List: [one, two] } }, items),
      shape(`one in ${wrapper}`, name, { [wrapper]: { List: one } }, items.slice(0, 1)),
      shape(`several ${wrapper}`, name, { [wrapper]: [{ List: one }, { List: two }] }, items),
      shape('several at the top', name, { List: [one, two] }, items),
      shape('one at the top', name, { List: one }, items.slice(0, 1)),
    ])
    .concat([
      shape('at the top', 'subscribe_msg_sent_event', { List: result }, [
        { templateId: 'A', msgId: '1864323726461255680', errorCode: '0', errorStatus: 'success' },
      ]),
      shape('wrapped', 'subscribe_msg_sent_event', { SubscribeMsgSentEvent: { List: [result] } }, [
        { msgId: '1864323726461255680' },
      ]),
      shape('without entries', 'subscribe_msg_sent_event', {}, []),
    ]);
}

describe.each(['xml', 'json'] as const)('a push in %s', (format) => {
  test.each(golden)('of %s has its fields, exactly as sent', (_name, pushed, seen) => {
    const { body } = createBody({ ...common, ...pushed }, account, { mode: 'plaintext', format });
    const result = parseInbound(body);
    if (!result.ok) throw new Error(result.reason);
    const message: InboundMessage = result.message;
    expect(message).toMatchObject({ toUserName: 'gh_1', openid: 'oABC', createTime: 1_348_831_860, ...seen });
    if (pushed.MsgType === 'event')
      expect(message).toMatchObject({ kind: 'event', name: String(pushed.Event).toLowerCase() });
  });
});
