import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readFlatXml } from '../../src/wechat/in/flat-xml.js';
import { parseAnyFields, parseFields } from '../../src/wechat/in/parse.js';

const piece = fc.oneof(
  fc.constantFrom('<a>', '</a>', '<b>', '</b>', '<a/>', '<a b="c">', '<![CDATA[', ']]>', '<xml>', '</xml>'),
  fc.constantFrom(
    '<!-- c -->',
    '<?p?>',
    '<!DOCTYPE x>',
    '&amp;',
    '&',
    '>',
    '<',
    ']]',
    ' ',
    '\n',
    '\r\n',
    '\0',
    '1',
  ),
  fc.string({ maxLength: 3 }),
);
const soup = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));

const text = fc.oneof(
  fc.string().map((value) => `<![CDATA[${value.replaceAll(']]>', '')}]]>`),
  fc.string().map((value) => value.replaceAll(/[<&]/g, '')),
  fc.constantFrom('', '  ', '1700000000', '😀', '&lt;', '<item>1</item>'),
);
const element = fc.record({ name: fc.constantFrom('A', 'B', 'Content', 'MsgId', 'length', '消息'), text });
const nearlyFlat = fc
  .array(element, { minLength: 1, maxLength: 5 })
  .map((elements) => elements.map(({ name, text: value }) => `<${name}>${value}</${name}>`).join('\n'));

const body = fc.oneof(nearlyFlat, soup).map((inner) => `<xml>${inner}</xml>`);

describe('the quick reader of flat XML', () => {
  test('reads what the parser reads, or leaves it to the parser', () => {
    let read = 0;
    fc.assert(
      fc.property(body, (xml) => {
        const flat = readFlatXml(xml);
        if (!flat || Object.keys(flat).length === 0) return;
        read += 1;
        expect(parseAnyFields(xml)).toEqual({ ok: true, fields: flat });
      }),
      { numRuns: 3_000 },
    );
    // Else nothing would have been compared.
    expect(read).toBeGreaterThan(300);
  });

  test('reads a message as WeChat sends it', () => {
    const xml =
      '<xml>\n<ToUserName><![CDATA[gh_1]]></ToUserName>\n<CreateTime>1348831860</CreateTime>\n' +
      '<Content><![CDATA[<b>你好</b> & ]]]]></Content>\n<MsgId>1234567890123456</MsgId>\n</xml>\n';
    expect(readFlatXml(xml)).toEqual({
      ToUserName: 'gh_1',
      CreateTime: '1348831860',
      Content: '<b>你好</b> & ]]',
      MsgId: '1234567890123456',
    });
  });

  test.each([
    ['nested elements', '<xml><A><B>1</B></A></xml>'],
    ['a repeated element', '<xml><A>1</A><A>2</A></xml>'],
    ['a reference', '<xml><A>&lt;</A></xml>'],
    ['text around CDATA', '<xml><A>x<![CDATA[1]]></A></xml>'],
    ['an attribute', '<xml><A b="c">1</A></xml>'],
    ['what follows the end', '<xml><A>1</A></xml><xml></xml>'],
    ['an end that is missing', '<xml><A>1</A>'],
    ['a carriage return, which is read as a line feed', '<xml><A><![CDATA[1\r\n2]]></A></xml>'],
    ['a NUL, which Postgres refuses', '<xml><A><![CDATA[1\0]]></A></xml>'],
    ['text beside the elements', '<xml>text<A>1</A></xml>'],
  ])('leaves %s to the parser', (_what, xml) => {
    expect(readFlatXml(xml)).toBeUndefined();
  });

  test('refuses a push without fields', () => {
    expect(parseFields('<xml></xml>')).toEqual(parseAnyFields('<xml></xml>'));
  });
});
