import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { searchableText } from '../../src/wechat/in/message.js';
import { parseInbound } from '../support/parse-inbound.js';
import { storable } from '../support/xml-push.js';

const xml = (inner: string) => `<xml>${inner}</xml>`;
const cdata = (text: string) => `<![CDATA[${text}]]>`;
const common = `<ToUserName>${cdata('gh_1')}</ToUserName><FromUserName>${cdata('oABC')}</FromUserName><CreateTime>1348831860</CreateTime>`;
const textPush = (content: string) =>
  xml(
    `${common}<MsgType>${cdata('text')}</MsgType><Content>${cdata(content)}</Content><MsgId>12345678901234567890</MsgId>`,
  );

function parsed(body: string) {
  const result = parseInbound(body);
  if (!result.ok) throw new Error(result.reason);
  return result.message;
}

describe('a push in XML', () => {
  test('gives a text message with its 64-bit MsgId exact', () => {
    expect(parsed(textPush('tw'))).toMatchObject({
      kind: 'text',
      toUserName: 'gh_1',
      openid: 'oABC',
      createTime: 1348831860,
      content: 'tw',
      msgId: '12345678901234567890',
    });
  });

  test('keeps any text as it was meant, spaces, entities and markup included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (content) => {
        const message = parsed(textPush(content));
        expect(message.kind === 'text' && message.content).toBe(storable(content));
      }),
    );
  });

  test('may hold <!DOCTYPE in what the user wrote, but not in its markup', () => {
    expect(parsed(textPush('<!DOCTYPE html><p>&amp;'))).toMatchObject({ content: '<!DOCTYPE html><p>&amp;' });
    expect(parseInbound(`<!DOCTYPE x [<!ENTITY a "b">]>${textPush('x')}`).ok).toBe(false);
    expect(parseInbound(xml(`<!DOCTYPE x [<!ENTITY a "b">]>${common}<MsgType>text</MsgType>`)).ok).toBe(
      false,
    );
  });

  test('outside of CDATA has the references decoded that need no declaration, once, and no others', () => {
    const content = (text: string) => {
      const message = parsed(xml(`${common}<MsgType>text</MsgType><Content>${text}</Content>`));
      return message.kind === 'text' ? message.content : undefined;
    };
    expect(content('1 &lt; 2 &amp;&amp; 3 &gt; 2, &quot;&apos;&quot;')).toBe(`1 < 2 && 3 > 2, "'"`);
    expect(content('&#65;&#x42;&#0067;&#x1F600;&#20320;')).toBe('ABC😀你');
    expect(content('&amp;lt;&#38;lt;')).toBe('&lt;&lt;');
    expect(content('&lt;Content&gt;<![CDATA[&lt;]]>')).toBe('<Content>&lt;');
    // What is no character of XML: NUL, other controls, halves of surrogate pairs, beyond Unicode.
    for (const sent of [
      '&#0;',
      '&#x0;',
      '&#1;',
      '&#xD800;',
      '&#xFFFE;',
      '&#x110000;',
      `&#${'9'.repeat(400)};`,
    ]) {
      expect(content(sent)).toBe(sent);
    }
    for (const sent of ['&custom;', '&nbsp;', '&', '&;', '&#;', '&#x;', '&lt', '&LT;', 'a & b; c']) {
      expect(content(sent)).toBe(sent);
    }
  });

  test('keeps text that stands between elements', () => {
    expect(parsed(xml(`${common}<MsgType>new</MsgType><Mixed>a<b>1</b>c</Mixed>`)).fields.Mixed).toEqual({
      b: '1',
      '#text': 'ac',
    });
  });

  test('keeps nested and repeated elements', () => {
    const body = xml(`${common}<MsgType>event</MsgType><Event>pic_weixin</Event><EventKey>k</EventKey>
      <SendPicsInfo><Count>2</Count><PicList>
        <item><PicMd5Sum>a</PicMd5Sum></item><item><PicMd5Sum>b</PicMd5Sum></item>
      </PicList></SendPicsInfo>`);
    expect(parsed(body).fields.SendPicsInfo).toEqual({
      Count: '2',
      PicList: { item: [{ PicMd5Sum: 'a' }, { PicMd5Sum: 'b' }] },
    });
  });

  test('gives an event its name in lower case', () => {
    expect(
      parsed(xml(`${common}<MsgType>event</MsgType><Event>CLICK</Event><EventKey>MENU</EventKey>`)),
    ).toMatchObject({
      kind: 'event',
      event: 'click',
      eventKey: 'MENU',
    });
  });

  test('of an unknown type is kept whole', () => {
    expect(parsed(xml(`${common}<MsgType>hologram</MsgType><Beam>7</Beam>`))).toMatchObject({
      kind: 'unknown',
      msgType: 'hologram',
      fields: { Beam: '7' },
    });
  });

  test('loses its NULs, which Postgres would refuse', () => {
    expect(parsed(textPush('a\0b'))).toMatchObject({ content: 'a\uFFFDb' });
  });

  test.each([
    ['nothing', ''],
    ['JSON without the fields of a message', '{"ToUserName":"gh_1"}'],
    ['broken JSON', '{"ToUserName":"gh_1"'],
    ['a list in JSON', '[{"ToUserName":"gh_1"}]'],
    ['many open strings in JSON', `{${String.raw`"\"`.repeat(60_000)}`],
    ['HTML', '<html><body>hi</body></html>'],
    ['no sender', xml('<CreateTime>1</CreateTime><MsgType>text</MsgType>')],
    ['no type', xml(common)],
    ['no time', xml('<FromUserName>o</FromUserName><MsgType>text</MsgType>')],
    [
      'a time that is none',
      xml('<FromUserName>o</FromUserName><CreateTime>soon</CreateTime><MsgType>text</MsgType>'),
    ],
    ['a cut end', textPush('x').slice(0, -3)],
    ['an event without a name', xml(`${common}<MsgType>event</MsgType>`)],
    ['very deep nesting', xml('<a>'.repeat(50_000))],
    ['only brackets', xml('<'.repeat(200_000))],
  ])('is refused, and quickly, when it is %s', (_name, body) => {
    expect(parseInbound(body)).toMatchObject({ ok: false, reason: expect.any(String) });
  });

  test('never makes the parser throw', () => {
    const noise = fc.string({
      unit: fc.constantFrom(
        '<',
        '>',
        '/',
        '!',
        '[',
        ']',
        'CDATA',
        'xml',
        '&',
        ';',
        'a',
        '"',
        '=',
        '\0',
        '?',
        '-',
      ),
    });
    fc.assert(fc.property(noise, (inner) => void parseInbound(xml(inner))));
  });
});

describe('a push in JSON', () => {
  test('gives the same message, with numbers of 64 bits exact', () => {
    const body =
      ' {"ToUserName":"gh_1","FromUserName":"oABC","CreateTime":1348831860,"MsgType":"text","Content":"12 \\"34\\" \\u4f60 -5e3","MsgId":12345678901234567890,"Extra":{"List":[1,2.5,{"a":-3}],"Flag":true}}';
    expect(parsed(body)).toMatchObject({
      kind: 'text',
      createTime: 1348831860,
      content: '12 "34" 你 -5e3',
      msgId: '12345678901234567890',
      fields: { Extra: { List: ['1', '2.5', { a: '-3' }], Flag: 'true' } },
    });
  });

  test('may have control characters as they are, which is no JSON', () => {
    const body =
      '{\n"FromUserName":"o","CreateTime":1,\t"MsgType":"text","Content":"a\u001d\\"\u0010\nb"\r\n}';
    expect(parsed(body)).toMatchObject({ content: 'a\u001d"\u0010\nb' });
  });

  test('keeps any text as it was meant', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (content) => {
        const body = JSON.stringify({
          FromUserName: 'o',
          CreateTime: 1,
          MsgType: 'text',
          Content: content,
          MsgId: 2,
        });
        const message = parsed(body);
        expect(message.kind === 'text' && message.content).toBe(
          content.replaceAll('\0', '\uFFFD').toWellFormed(),
        );
      }),
    );
  });
});

test('what an analyst searches is the text, the recognised speech, the label or the title', () => {
  const of = (inner: string) => searchableText(parsed(xml(common + inner)));
  expect(of('<MsgType>text</MsgType><Content>hi</Content>')).toBe('hi');
  expect(of('<MsgType>voice</MsgType><MediaId>m</MediaId><Recognition>spoken</Recognition>')).toBe('spoken');
  expect(of('<MsgType>location</MsgType><Label>Shanghai</Label>')).toBe('Shanghai');
  expect(of('<MsgType>link</MsgType><Title>A page</Title>')).toBe('A page');
  expect(of('<MsgType>image</MsgType><MediaId>m</MediaId>')).toBeUndefined();
});
