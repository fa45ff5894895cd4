import { expect, test } from 'vitest';
import type { PushResult, SimulatedUser } from '../../src/simulator/index.js';
import { send, simulateAcknowledged, textTo } from './support.js';

type Act = (user: SimulatedUser) => Promise<PushResult>;

/** What each action pushes, after the common fields and before the id of a message. */
const actions: readonly [name: string, act: Act, pushed: string][] = [
  [
    'a voice message',
    (user) => user.voice({ mediaId: 'M', recognition: '明天' }),
    '<MsgType><![CDATA[voice]]></MsgType><MediaId><![CDATA[M]]></MediaId><Format><![CDATA[amr]]></Format>' +
      '<Recognition><![CDATA[明天]]></Recognition>',
  ],
  [
    'a video',
    (user) => user.video({ mediaId: 'M', thumbMediaId: 'T' }),
    '<MsgType><![CDATA[video]]></MsgType><MediaId><![CDATA[M]]></MediaId><ThumbMediaId><![CDATA[T]]></ThumbMediaId>',
  ],
  ['a short video', (user) => user.shortvideo(), '<MsgType><![CDATA[shortvideo]]></MsgType>'],
  [
    'a link',
    (user) => user.link({ title: 'T', description: 'D', url: 'https://x' }),
    '<Title><![CDATA[T]]></Title><Description><![CDATA[D]]></Description><Url><![CDATA[https://x]]></Url>',
  ],
  [
    'a tap on a menu message',
    (user) => user.tap({ id: '101', content: '满意' }),
    '<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[满意]]></Content><bizmsgmenuid><![CDATA[101]]></bizmsgmenuid>',
  ],
  [
    'a menu entry that opens a page',
    (user) => user.view('https://x', { menuId: 5n }),
    '<Event><![CDATA[VIEW]]></Event><EventKey><![CDATA[https://x]]></EventKey><MenuId>5</MenuId>',
  ],
  [
    'a scanned code',
    (user) => user.scanCode({ key: 'K', result: '42' }),
    '<Event><![CDATA[scancode_push]]></Event><EventKey><![CDATA[K]]></EventKey><ScanCodeInfo>' +
      '<ScanType><![CDATA[qrcode]]></ScanType><ScanResult><![CDATA[42]]></ScanResult></ScanCodeInfo>',
  ],
  [
    'pictures from the album',
    (user) => user.sendPictures({ key: 'K', md5Sums: ['a', 'b'] }),
    '<Event><![CDATA[pic_weixin]]></Event><EventKey><![CDATA[K]]></EventKey><SendPicsInfo><Count>2</Count><PicList>' +
      '<item><PicMd5Sum><![CDATA[a]]></PicMd5Sum></item><item><PicMd5Sum><![CDATA[b]]></PicMd5Sum></item>' +
      '</PicList></SendPicsInfo>',
  ],
  [
    'a place chosen from a menu',
    (user) => user.selectLocation({ key: 'K', latitude: 23.1, longitude: 113.3, label: '广州' }),
    '<SendLocationInfo><Location_X><![CDATA[23.1]]></Location_X><Location_Y><![CDATA[113.3]]></Location_Y>' +
      '<Scale><![CDATA[15]]></Scale><Label><![CDATA[广州]]></Label><Poiname><![CDATA[]]></Poiname></SendLocationInfo>',
  ],
  [
    'a mini program',
    (user) => user.viewMiniprogram('pages/index'),
    '<Event><![CDATA[view_miniprogram]]></Event><EventKey><![CDATA[pages/index]]></EventKey></xml>',
  ],
  [
    'a reported position',
    (user) => user.reportLocation({ latitude: 23.1, longitude: 113.3, precision: 119.4 }),
    '<Event><![CDATA[LOCATION]]></Event><Latitude>23.1</Latitude><Longitude>113.3</Longitude><Precision>119.4</Precision>',
  ],
  [
    'a template message that arrived',
    (user) => user.templateSent({ msgId: 2n ** 60n }),
    `<MsgID>${2n ** 60n}</MsgID><Status><![CDATA[success]]></Status>`,
  ],
  [
    'a broadcast that is over',
    (user) => user.massSent({ msgId: 9n, total: 100, filtered: 80, sent: 75, failed: 5 }),
    '<TotalCount>100</TotalCount><FilterCount>80</FilterCount><SentCount>75</SentCount><ErrorCount>5</ErrorCount>',
  ],
  [
    'a session with a person that begins',
    (user) => user.kfCreateSession('anna@shop'),
    '<Event><![CDATA[kf_create_session]]></Event><KfAccount><![CDATA[anna@shop]]></KfAccount>',
  ],
  [
    'a session that ends',
    (user) => user.kfCloseSession('anna@shop'),
    '<Event><![CDATA[kf_close_session]]></Event><KfAccount><![CDATA[anna@shop]]></KfAccount>',
  ],
  [
    'a session that is handed on',
    (user) => user.kfSwitchSession({ from: 'anna@shop', to: 'ben@shop' }),
    '<FromKfAccount><![CDATA[anna@shop]]></FromKfAccount><ToKfAccount><![CDATA[ben@shop]]></ToKfAccount>',
  ],
  [
    'an answer about subscriptions',
    (user) =>
      user.answerSubscriptions([
        { templateId: 'A', accepted: true },
        { templateId: 'B', accepted: false },
      ]),
    '<SubscribeMsgPopupEvent><List><TemplateId><![CDATA[A]]></TemplateId>' +
      '<SubscribeStatusString><![CDATA[accept]]></SubscribeStatusString><PopupScene><![CDATA[2]]></PopupScene></List>' +
      '<List><TemplateId><![CDATA[B]]></TemplateId><SubscribeStatusString><![CDATA[reject]]></SubscribeStatusString>' +
      '<PopupScene><![CDATA[2]]></PopupScene></List></SubscribeMsgPopupEvent>',
  ],
  [
    'a subscription taken back',
    (user) => user.changeSubscriptions([{ templateId: 'A', accepted: false }]),
    '<SubscribeMsgChangeEvent><List><TemplateId><![CDATA[A]]></TemplateId>',
  ],
  [
    'a subscription message that arrived',
    (user) => user.subscriptionsSent([{ templateId: 'A', msgId: 7n }]),
    '<MsgID>7</MsgID><ErrorCode>0</ErrorCode><ErrorStatus><![CDATA[success]]></ErrorStatus>',
  ],
];

test.each(actions)('%s is pushed as the reference has it', async (_name, act, pushed) => {
  const { user } = await simulateAcknowledged();
  const result = await act(user('o1'));
  expect(result.body).toContain(pushed);
  expect(result.body.includes('<MsgType><![CDATA[event]]></MsgType>')).toBe(result.msgId === undefined);
});

test.each<[name: string, act: Act, errcode: number]>([
  ['a voice message', (user) => user.voice(), 0],
  ['a tap on a menu message', (user) => user.tap({ id: '1', content: 'x' }), 45047],
  ['a scanned code', (user) => user.scanCode({ key: 'K', result: '1', wait: true }), 45047],
  ['pictures from the camera', (user) => user.sendPictures({ key: 'K', md5Sums: [], from: 'camera' }), 45015],
  ['a page', (user) => user.view('https://x'), 45015],
])('after %s the fourth message is answered as its window says', async (_name, act, errcode) => {
  const simulator = await simulateAcknowledged();
  await act(simulator.user('o1'));
  const codes = [];
  for (let index = 0; index < 4; index += 1) codes.push(await send(simulator, textTo('o1', 'x')));
  expect(codes.at(-1)).toBe(errcode);
});
