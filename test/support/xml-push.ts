import type { XmlFields } from '../../src/simulator/index.js';

/** What users can write, and what breaks readers of it: markup, ends of sections, blanks, controls, far planes. */
export const awkwardTexts: readonly string[] = [
  ...[
    ']]>',
    ']]',
    ']',
    '>',
    '<![CDATA[',
    '<a>',
    '</a>',
    '</xml>',
    '<xml>',
    '<!DOCTYPE x>',
    '-->',
    '<!--',
    '<?',
  ],
  ...[
    '&lt;',
    '&#65;',
    '&',
    '"',
    "'",
    '\\',
    '\\u0000',
    ' ',
    '\u00a0',
    '\ufeff',
    '\n',
    '\t',
    '\r',
    '\r\n',
    '{',
    '1e5',
  ],
  ...['\u0001', '\u0002', '\u0010', '\u001d', '\u007f', '\u0085', '\u2028', '\u2029', '\uffff', '\0'],
  ...['😀', '👨‍👩‍👧', '你好', '𠀀', '𪛖', '\ud83d', '\ude00'],
];

/** Pieces of a push that tries to end a field of its own, to name another sender, or to bring a MsgId. */
export const forgedPieces: readonly string[] = [
  ...[
    'Content',
    'Title',
    'Description',
    'Url',
    'Label',
    'Poiname',
    'ScanResult',
    'Recognition',
    'EventKey',
  ].flatMap((name) => [`</${name}>`, `]]></${name}>`, `<${name}>`, `]]></${name}><${name}><![CDATA[`]),
  ...[
    ']]></Content></xml>',
    ']]></ScanResult></ScanCodeInfo></xml>',
    '</SendLocationInfo>',
    '</ScanCodeInfo>',
  ],
  ...['<MsgId>7</MsgId>', '<FromUserName><![CDATA[oB]]></FromUserName>', '<CreateTime>1</CreateTime>'],
  ...[
    '<MsgType><![CDATA[event]]></MsgType>',
    '<Event><![CDATA[x]]></Event>',
    '<Encrypt><![CDATA[x]]></Encrypt>',
  ],
  '<bizmsgmenuid>1</bizmsgmenuid>',
];

/** What of a text can be stored: Postgres takes neither NULs nor halves of surrogate pairs. */
export function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}

export const sender = 'oSender_1';
export const msgId = 23_568_243_490_745_350n;

const head = { ToUserName: 'gh_1', FromUserName: sender, CreateTime: 1_700_000_000 };

/** A push of each kind that holds what a user wrote, and where that is read. */
export const userTexts: readonly [kind: string, push: (text: string) => XmlFields, property: string][] = [
  ['a text', (Content) => ({ ...head, MsgType: 'text', Content, MsgId: msgId }), 'content'],
  [
    'a text from an article',
    (Content) => ({ ...head, MsgType: 'text', Content, MsgId: msgId, MsgDataId: '1_2', Idx: '1' }),
    'content',
  ],
  [
    'a tap on a menu message',
    (Content) => ({ ...head, MsgType: 'text', Content, MsgId: msgId, bizmsgmenuid: '101' }),
    'content',
  ],
  [
    'recognised speech',
    (Recognition) => ({
      ...head,
      ...{ MsgType: 'voice', MediaId: 'M', Format: 'amr', Recognition, MsgId: msgId, MediaId16K: 'N' },
    }),
    'recognition',
  ],
  [
    'a place',
    (Label) => ({
      ...head,
      ...{ MsgType: 'location', Location_X: 23.1, Location_Y: 113.3, Scale: 20, Label, MsgId: msgId },
    }),
    'label',
  ],
  ...(['Title', 'Description', 'Url'] as const).map((name): (typeof userTexts)[number] => [
    `the ${name} of a link`,
    (text) => ({
      ...{ ...head, MsgType: 'link', Title: 'T', Description: 'D', Url: 'https://x' },
      ...{ [name]: text, MsgId: msgId },
    }),
    name.toLowerCase(),
  ]),
  [
    'the label of a place that was chosen',
    (Label) => ({
      ...head,
      ...{ MsgType: 'event', Event: 'location_select', EventKey: 'KEY' },
      SendLocationInfo: { Location_X: '23', Location_Y: '113', Scale: '15', Label, Poiname: 'P' },
    }),
    'label',
  ],
  [
    'a scanned code',
    (ScanResult) => ({
      ...head,
      ...{ MsgType: 'event', Event: 'scancode_push', EventKey: 'KEY' },
      ScanCodeInfo: { ScanType: 'qrcode', ScanResult },
    }),
    'scanResult',
  ],
  [
    'the name of a place',
    (Poiname) => ({
      ...head,
      ...{ MsgType: 'event', Event: 'location_select', EventKey: 'KEY' },
      SendLocationInfo: { Location_X: '23', Location_Y: '113', Scale: '15', Label: 'L', Poiname },
    }),
    'poiName',
  ],
  [
    'a scene',
    (scene) => ({
      ...head,
      ...{ MsgType: 'event', Event: 'SCAN', EventKey: `x${scene}`, Ticket: 'T' },
    }),
    'eventKey',
  ],
];
