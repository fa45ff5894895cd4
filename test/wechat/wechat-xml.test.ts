import { describe, expect, test } from 'vitest';
import { toXml } from '../../src/simulator/pushes/xml.js';
import type { InboundMessage } from '../../src/wechat/in/message.js';
import { parseAnyFields, parseFields } from '../../src/wechat/in/parse.js';
import { readWeChatXml } from '../../src/wechat/in/wechat-xml.js';
import { parseInbound } from '../support/parse-inbound.js';
import { msgId, sender, userTexts } from '../support/xml-push.js';

const head =
  '<ToUserName><![CDATA[gh_1]]></ToUserName>\n<FromUserName><![CDATA[oA]]></FromUserName>\n' +
  '<CreateTime>1348831860</CreateTime>\n';
const textPush = (content: string) =>
  `<xml>${head}<MsgType><![CDATA[text]]></MsgType>\n<Content><![CDATA[${content}]]></Content>\n<MsgId>42</MsgId>\n</xml>`;

function read(body: string): InboundMessage {
  const parsed = parseInbound(body);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.message;
}

describe('what users write, as WeChat writes it into XML', () => {
  test.each([
    'a]]>b',
    ']]>',
    ']]',
    '<status><![CDATA[ok]]></status>',
    'x]]></Content><FromUserName>B</FromUserName><Content>y',
    'x]]></Content><FromUserName><![CDATA[B]]></FromUserName></xml>',
    'x]]></Content>\n<MsgId>7</MsgId>\n</xml>',
    'x]]></Content><MsgId>7</MsgId><Content><![CDATA[y',
    'x]]></Content><MsgId>7</MsgId><Foo><![CDATA[',
    'x]]></Content><bizmsgmenuid>1</bizmsgmenuid><Content><![CDATA[',
    '<xml><Content><![CDATA[a]]></Content></xml>',
    ' <![CDATA[ a ]]> ',
    '\r\n a \r\n',
    '',
  ])('is whole, under its own sender and MsgId: %j', (content) => {
    expect(read(textPush(content))).toMatchObject({ kind: 'text', openid: 'oA', msgId: '42', content });
    expect(read(textPush(content)).fields).not.toHaveProperty('bizmsgmenuid');
  });

  describe.each(userTexts)('%s', (_kind, push, property) => {
    test.each([
      ']]>',
      '</Content>]]></Content><MsgId>7</MsgId></xml>',
      ...['Content', 'Recognition', 'Label', 'Poiname', 'ScanResult', 'EventKey'].map(
        (name) =>
          `a]]></${name}><MsgId>7</MsgId><FromUserName><![CDATA[B]]></FromUserName><${name}><![CDATA[b`,
      ),
      'a]]></ScanResult></ScanCodeInfo><Ticket><![CDATA[forged]]></Ticket></xml>',
      'a]]></Poiname></SendLocationInfo></xml>',
    ])('is whole: %j', (text) => {
      const fields = push(text);
      const message = read(toXml(fields));
      expect(message).toMatchObject({
        openid: sender,
        [property]: property === 'eventKey' ? fields.EventKey : text,
        ...(fields.MsgId === undefined ? {} : { msgId: String(msgId) }),
      });
      expect(Object.keys(message.fields)).toEqual(Object.keys(fields));
    });
  });

  test('in a link cannot reach beyond the title, the description and the address', () => {
    const link = (Title: string, Description: string, Url: string) => ({
      ...{ ToUserName: 'gh_1', FromUserName: 'oA', CreateTime: 1, MsgType: 'link' },
      ...{ Title, Description, Url, MsgId: 42 },
    });
    const texts = [
      'a]]></Title><FromUserName>B</FromUserName><Title><![CDATA[b',
      'a]]></Url><MsgId>7</MsgId></xml>',
      'a]]></Title><Url><![CDATA[b',
      'a]]></Description><Url><![CDATA[b',
      'a]]></Title><Description><![CDATA[b',
      '<Description><![CDATA[',
      'plain',
    ];
    for (const title of texts) {
      for (const description of texts) {
        for (const url of texts) {
          const xml = toXml(link(title, description, url));
          const { openid, msgId: id, fields } = read(xml) as InboundMessage & { msgId: string };
          expect({ openid, id }).toEqual({ openid: 'oA', id: '42' });
          // Where one of them imitates the joint of two, none can tell where it was; but nothing is lost.
          const { Title = '', Description = '', Url = '' } = fields;
          expect(toXml(link(String(Title), String(Description), String(Url)))).toBe(xml);
        }
      }
    }
  });

  test('has no control character, line separator or far plane changed', () => {
    const content = Array.from({ length: 31 }, (_, code) => String.fromCharCode(code + 1)).join('');
    for (const text of [content, '\u007f\u0085\u2028\u2029\ufeff', '😀👨‍👩‍👧𠀀𪛖']) {
      expect(read(textPush(text))).toMatchObject({ content: text });
    }
  });
});

describe('the form', () => {
  test('has blanks around CDATA as layout, as in the samples of the documentation', () => {
    const xml = `<xml> <ToUserName> <![CDATA[gh_1]]> </ToUserName>
      <FromUserName>\n<![CDATA[ oA]]>\t</FromUserName> <CreateTime>123456789</CreateTime>
      <MsgType> <![CDATA[event]]> </MsgType> <Event><![CDATA[user_get_card]]> </Event>
      <CardId> <![CDATA[ p ]]></CardId> <Empty> </Empty> <Box> <A> <![CDATA[1]]> </A> </Box> </xml>\n`;
    expect(read(xml)).toMatchObject({
      openid: ' oA',
      kind: 'event',
      name: 'user_get_card',
      fields: { CardId: ' p ', Empty: '', Box: { A: '1' } },
    });
  });

  test('has blanks around a number as layout, too, and none taken from a text', () => {
    const xml =
      '<xml><ToUserName>gh</ToUserName><FromUserName><![CDATA[oA]]></FromUserName><CreateTime> 1348831860\n</CreateTime>' +
      '<MsgType><![CDATA[text]]></MsgType><Content> a &amp; b </Content><MsgId>\t42 </MsgId><X> -1.50 </X><Y><![CDATA[ 7 ]]></Y></xml>';
    expect(read(xml)).toMatchObject({
      ...{ createTime: 1_348_831_860, msgId: '42', content: ' a & b ' },
      fields: { X: '-1.50', Y: ' 7 ' },
    });
  });

  test('may have elements inside elements, lists, and elements with nothing in them', () => {
    expect(
      readWeChatXml(
        '<?xml version="1.0"?>\n<xml><A><B><![CDATA[1]]></B><B>2</B><C><D/></C></A><E></E><F/><G><H></H></G></xml>',
      ),
    ).toEqual({ A: { B: ['1', '2'], C: { D: '' } }, E: '', F: '', G: { H: '' } });
  });

  test('has references outside of CDATA decoded, and not inside', () => {
    expect(readWeChatXml('<xml><A>&lt;&#65;</A><B><![CDATA[&lt;]]></B></xml>')).toEqual({
      A: '<A',
      B: '&lt;',
    });
  });

  test('takes the first of a head that is repeated', () => {
    const repeated = `<xml>${head}<FromUserName>oB</FromUserName><MsgType>text</MsgType><MsgType>x</MsgType><MsgId>1</MsgId><MsgId>2</MsgId></xml>`;
    // Which of two MsgIds is WeChat's cannot be told: then the whole content is the message's identity.
    expect(read(repeated)).toMatchObject({ openid: 'oA', kind: 'text', msgId: undefined });
  });

  test.each([
    ['text around CDATA', '<xml><A>x<![CDATA[1]]></A></xml>'],
    ['an attribute', '<xml><A b="c">1</A></xml>'],
    ['a comment', '<xml><!-- c --><A>1</A></xml>'],
    ['what follows the end', '<xml><A>1</A></xml><xml></xml>'],
    ['an end that is missing', '<xml><A>1</A>'],
    ['an end of another name', '<xml><A>1</B></xml>'],
    ['text beside the elements', '<xml>text<A>1</A></xml>'],
    ['a DOCTYPE', '<xml><!DOCTYPE x><A>1</A></xml>'],
    ['a section that never ends', '<xml><A><![CDATA[1</A></xml>'],
  ])('is left to the parser where it has %s', (_what, xml) => {
    expect(readWeChatXml(xml)).toBeUndefined();
  });

  test('is read as the parser reads it, wherever both can', () => {
    const xml =
      '<xml>\n<A><![CDATA[<b>你好</b> & ]]]]></A>\n<B>1</B><C><D>1</D><D><![CDATA[2]]></D></C>\n<E></E></xml>\n';
    expect(parseFields(xml)).toEqual(parseAnyFields(xml));
    expect(parseFields('<xml></xml>')).toEqual(parseAnyFields('<xml></xml>'));
  });
});

test('the time to read a push grows no faster than its length', () => {
  const pieces = [
    ']]></Content>',
    ']]></Title>',
    ']]></Title><Url><![CDATA[',
    '<Description><![CDATA[',
    ']]>',
    '</Content>',
    '<Content>',
    '<![CDATA[',
    ']]></Label> ',
    '<a>',
    '<a/>',
    ' ',
    ']]> ',
  ];
  const shapes = [
    (filler: string) => textPush(filler),
    (filler: string) => textPush(`${filler}]]`).slice(0, -30),
    (filler: string) =>
      `<xml>${head}<MsgType>link</MsgType><Title><![CDATA[${filler}]]></Title><Description><![CDATA[${filler}]]></Description><Url><![CDATA[${filler}]]></Url></xml>`,
    (filler: string) => `<xml>${head}<MsgType>x</MsgType><Foo><![CDATA[${filler}]]></Foo></xml>`,
    (filler: string) => `<xml>${filler}</xml>`,
  ];
  const cpuMs = (body: string) => {
    let least = Number.POSITIVE_INFINITY;
    for (let time = 0; time < 3; time += 1) {
      const before = process.cpuUsage();
      readWeChatXml(body);
      const { user, system } = process.cpuUsage(before);
      least = Math.min(least, (user + system) / 1_000);
    }
    return least;
  };
  for (const shape of shapes) {
    for (const piece of pieces) {
      const of = (length: number) => shape(piece.repeat(length / piece.length));
      const [short, long] = [cpuMs(of(25_000)), cpuMs(of(400_000))];
      // 16 times the length: what is quadratic takes 256 times as long, and more than these 40 ms beside.
      expect(long, `${piece} in ${shape('…')}`).toBeLessThan(Math.max(short, 1) * 40);
    }
  }
});
