import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createArrive } from '../../src/outbox/arrive.js';
import { toXml } from '../../src/simulator/pushes/xml.js';
import { dedupeKey } from '../../src/wechat/in/dedupe-key.js';
import type { FieldMap } from '../../src/wechat/in/fields.js';
import { messageType, searchableText, toMessage } from '../../src/wechat/in/message.js';
import { parseFields } from '../../src/wechat/in/parse.js';
import { createTestDatabase } from '../support/database.js';
import { parseInbound } from '../support/parse-inbound.js';

const limit = 256 * 1_024;

/** A push around something, cut off at what the webhook takes. */
const push = (inner: string) =>
  `<xml><FromUserName>o</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType>${inner}</xml>`;
const fill = (piece: string) => piece.repeat(Math.floor((limit - 200) / piece.length));
const numbered = (count: number, piece: (number: number) => string) =>
  Array.from({ length: count }, (_, number) => piece(number)).join('');

/** A path of 128 KiB to 40,000 elements: to write it out for each would be 5 GiB. */
function longPaths(): string {
  const name = 'n'.repeat(1_300);
  const inner = `${`<${name}>`.repeat(95)}${numbered(17_000, (number) => `<${number.toString(36)}/>`)}`;
  return push(inner);
}

describe('what nobody should send', () => {
  test.each<[string, string]>([
    ['nothing but <', fill('<')],
    ['< inside', push(fill('<'))],
    ['> inside', push(fill('>'))],
    ['elements that are never closed', push(fill('<a>'))],
    ['elements nested 30,000 deep', push('<a>'.repeat(30_000) + '</a>'.repeat(30_000))],
    ['ends without beginnings', push(fill('</a>'))],
    ['a huge attribute', push(`<a b="${fill('x')}">1</a>`)],
    ['a huge attribute that is never closed', push(`<a b="${fill('x')}`)],
    ['20,000 attributes', push(`<a ${numbered(20_000, (number) => `a${number}="1" `)}>1</a>`)],
    ['quotes', push(`<a ${fill('"')}>1</a>`)],
    ['white space before the root', `${fill(' ')}${push('')}`],
    ['white space in the root', `<xml${fill(' ')}></xml>`],
    ['an entity bomb', `<!DOCTYPE l [<!ENTITY a "aaa"><!ENTITY b "&a;&a;&a;">]>${push('<a>&b;</a>')}`],
    ['an entity bomb inside', push('<!DOCTYPE l [<!ENTITY a "aaa">]><a>&a;</a>')],
    [
      'an external entity',
      push('<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><Content>&a;</Content>'),
    ],
    [
      // Each line of it ten times the one before: a gigabyte, if it were expanded.
      'a billion laughs',
      push(`<!DOCTYPE l [<!ENTITY e0 "lol">${numbered(9, (number) => `<!ENTITY e${number + 1} "${`&e${number};`.repeat(10)}">`)}]>
        <Content>&e9;</Content>`),
    ],
    ['10,000 declarations', push(`<!DOCTYPE l [${'<!ENTITY a "aaa">'.repeat(10_000)}]><a>&a;</a>`)],
    [
      'a DOCTYPE after sections that are never closed',
      push(`${'<![CDATA['.repeat(14_000)}${'<!doctype'.repeat(13_000)}`),
    ],
    ['entities', push(`<Content>${fill('&amp;')}</Content>`)],
    ['elements with long names inside each other, with many inside', longPaths()],
    ['one element with a long name', push(`<${fill('n')}/>`)],
    ['an instruction with 40,000 attributes', push(`<?a ${fill('b="c" ')}?>`)],
    ['an instruction with unequal quotes', push(`<?a ${fill(`b='"' `)}?>`)],
    ['white space in an instruction', push(`<?a b=${fill(' ')}?>`)],
    ['tabs in an element', push(`<a${fill('\t')}>1</a>`)],
    ['halves of references', push(`<Content>${fill('&#')}</Content>`)],
    ['a reference of 250,000 digits', push(`<Content>&#${fill('1')};</Content>`)],
    ['line breaks', push(`<Content>${fill('\r\n')}</Content>`)],
    ['references to characters', push(`<Content>${fill('&#0;')}</Content>`)],
    ['comments', push(fill('<!-- x -->'))],
    ['comments that are never closed', push(fill('<!--'))],
    ['instructions', push(fill('<?a b?>'))],
    ['instructions that are never closed', push(fill('<?'))],
    ['sections', push(`<Content>${fill('<![CDATA[a]]>')}</Content>`)],
    ['a section that is never closed', push(`<Content><![CDATA[${fill('x')}`)],
    ['ends of sections', push(fill(']]>'))],
    ['30,000 elements of one name', push(fill('<a>1</a>'))],
    ['15,000 elements of different names', push(numbered(15_000, (number) => `<a${number}>1</a${number}>`))],
    ['NULs', push(fill('\0'))],
    ['a reserved name', push('<__proto__><polluted>1</polluted></__proto__><constructor>1</constructor>')],
    ['lists nested 120,000 deep in JSON', `{"a":${'['.repeat(120_000)}${']'.repeat(120_000)}}`],
    ['objects nested 40,000 deep in JSON', `${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`],
    ['lists that are never closed in JSON', `{"a":${fill('[')}`],
    ['quotes that escape in JSON', `{"a":"${fill('\\"')}"}`],
    ['a number of 250,000 digits in JSON', `{"a":${fill('1')}}`],
    ['100,000 numbers in JSON', `{"a":[${fill('1,')}1]}`],
    ['dashes in JSON', `{${fill('-')}}`],
    ['reserved names in JSON', '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'],
  ])('is read or refused, at once: %s', (_name, body) => {
    // Time of the processor: how busy others keep it does not count.
    const before = process.cpuUsage();
    const result = parseInbound(body);
    const { user, system } = process.cpuUsage(before);
    // These take some 200 ms at most; what is quadratic takes far more than this.
    expect((user + system) / 1_000).toBeLessThan(2_000);
    expect(typeof result.ok).toBe('boolean');
    expect('polluted' in {}).toBe(false);
  });

  test('is refused when it is nested deeper than anything of WeChat’s', () => {
    const nested = (depth: number) => push('<a>'.repeat(depth) + '</a>'.repeat(depth));
    expect(parseInbound(nested(20)).ok).toBe(true);
    expect(parseInbound(nested(40))).toEqual({ ok: false, reason: 'elements are nested deeper than 32' });
  });

  test.each([
    ['before the root', `<!DOCTYPE x>${push('')}`],
    ['in the root', push('<!DOCTYPE x>')],
    ['that declares an entity', push('<!DOCTYPE x [<!ENTITY a "b">]><a>&a;</a>')],
    [
      'after what is a section only to those who overlook the comment',
      push('<!-- <![CDATA[ --><!DOCTYPE x [<!ENTITY a "b">]><!-- ]]> -->'),
    ],
    [
      'after what is a section only to those who overlook the quotes',
      push('<a b="<![CDATA["><!DOCTYPE x><c d="]]>"/>'),
    ],
    ['after an instruction', push('<?a <![CDATA[ ?><!DOCTYPE x><?a ]]> ?>')],
  ])('is refused when it has a DOCTYPE %s', (_name, body) => {
    expect(parseInbound(body).ok).toBe(false);
  });

  test('has no entity of its own expanded, and nothing fetched', () => {
    // XML knows no such DOCTYPE: it is an element of a strange name.
    const result = parseFields(
      push('<!doctype x [<!ENTITY a SYSTEM "file:///etc/hostname">]><Content>&a;</Content>'),
    );
    expect(JSON.stringify(result)).toContain('&a;');
  });

  test.each([
    ['XML', (secret: string) => push(`<a b="${secret}`)],
    [
      'XML with a DOCTYPE',
      (secret: string) => push(`<!DOCTYPE ${secret} [<!ENTITY ${secret} "${secret}"><!${secret}>]>`),
    ],
    ['an end of XML', (secret: string) => push(`<![CDATA[${secret}`)],
    ['JSON', (secret: string) => `{"Content":"a",${secret}}`],
    ['short JSON', (secret: string) => `{${secret}`],
    ['an end of JSON', (secret: string) => `{"Content":"${secret}`],
  ])('is refused without quoting it, for reasons are logged: %s', (_name, body) => {
    const result = parseInbound(body('Geheim'));
    expect(result).toEqual({ ok: false, reason: expect.stringMatching(/cannot be read: ./) });
    expect(JSON.stringify(result)).not.toContain('Geheim');
  });

  test('is kept apart from the objects of the language', () => {
    const result = parseInbound(
      '{"FromUserName":"o","CreateTime":1,"MsgType":"x","__proto__":{"MsgId":"1"},"toString":"a","constructor":[]}',
    );
    expect(result).toMatchObject({ ok: true, message: { kind: 'unknown', msgId: undefined } });
    if (!result.ok) throw new Error(result.reason);
    const sent = ['__proto__', 'toString', 'constructor'];
    for (const name of Object.getOwnPropertyNames(Object.prototype))
      expect(name in result.message.fields, name).toBe(sent.includes(name));
    expect(JSON.stringify(result.message.fields)).toContain('"__proto__":{"MsgId":"1"}');
    expect(Object.entries(result.message.fields)).toContainEqual(['constructor', []]);
  });

  test('has the last value when JSON names a field twice, and all of them when XML does', () => {
    expect(parseFields('{"a":1,"a":12345678901234567890}')).toMatchObject({
      fields: { a: '12345678901234567890' },
    });
    expect(parseFields('<xml><a>1</a><b/><a>2</a></xml>')).toMatchObject({
      fields: { a: ['1', '2'], b: '' },
    });
  });

  test('keeps its numbers as they are written', () => {
    const numbers = [
      '18446744073709551615',
      '-9223372036854775808',
      '0.10',
      '1e400',
      '-0',
      '1E+2',
      '9'.repeat(500),
    ];
    expect(parseFields(`{"a":[${numbers.join(' , ')}]}`)).toMatchObject({ fields: { a: numbers } });
    const xml = numbers.map((number) => `<a>${number}</a>`).join('');
    expect(parseFields(`<xml>${xml}<b>007</b><c>0x1F</c><d>true</d></xml>`)).toMatchObject({
      fields: { a: numbers, b: '007', c: '0x1F', d: 'true' },
    });
  });

  test('has U+FFFD where its UTF-8 is broken', () => {
    const content = Buffer.concat([
      Buffer.from('a你').subarray(0, 3),
      Buffer.from([0xff, 0xc0, 0x80]),
      Buffer.from('b'),
    ]);
    const [before = '', after = ''] = push('<Content>|</Content>').split('|');
    const body = Buffer.concat([Buffer.from(before), content, Buffer.from(after)]);
    const result = parseInbound(body.toString('utf8'));
    expect(result).toMatchObject({ ok: true, message: { content: 'a\uFFFD\uFFFD\uFFFD\uFFFDb' } });
  });

  test('is refused when its OpenID is longer than an index could hold', () => {
    const from = (openid: string) => `{"FromUserName":"${openid}","CreateTime":1,"MsgType":"text"}`;
    expect(parseInbound(from('o'.repeat(128))).ok).toBe(true);
    expect(parseInbound(from('o'.repeat(129)))).toEqual({
      ok: false,
      reason: 'FromUserName is too long for an OpenID',
    });
  });

  test('never makes the parser throw, whatever the bytes are', () => {
    const tokens = fc.constantFrom(
      ...[
        '<',
        '>',
        '/',
        '!',
        '<![CDATA[',
        ']]>',
        '<xml>',
        '</xml>',
        '<!--',
        '-->',
        '<?',
        '?>',
        '&lt;',
        '&#0;',
      ],
      ...['"', '=', '\0', ' ', 'a', '{', '}', '[', ']', ':', ',', '\\', '\\u0000', '\\ud800', '1', '-', 'e5'],
      ...[
        '<MsgType>',
        '</MsgType>',
        '<Event>',
        '</Event>',
        '<CreateTime>1</CreateTime>',
        '<FromUserName>o</FromUserName>',
      ],
      ...[
        '"MsgType":"event"',
        '"Event":"scancode_push"',
        '"ScanCodeInfo":[1]',
        '"FromUserName":"o"',
        '"CreateTime":1',
      ],
    );
    const body = fc.oneof(
      fc.array(tokens, { maxLength: 60 }).map((parts) => parts.join('')),
      fc.array(tokens, { maxLength: 60 }).map((parts) => push(parts.join(''))),
      fc
        .array(tokens, { maxLength: 60 })
        .map((parts) => `{"FromUserName":"o","CreateTime":1,${parts.join('')}}`),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => push(Buffer.from(bytes).toString('utf8'))),
    );
    fc.assert(
      fc.property(body, (text) => {
        const result = parseInbound(text);
        if (result.ok) expect(dedupeKey(result.message)).not.toBe('');
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('Postgres takes whatever the parser gives, and gives it back', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom('\0', '\ud800', '\udfff', '\uffff', '😀', '"', '\\', '\u0001', '{', ',', 'a'),
    }),
  );
  const push = fc.record({
    FromUserName: anyText.map((text) => `o${text}`),
    CreateTime: fc.integer({ min: 0, max: 99_999_999_999 }),
    MsgType: fc.oneof(
      fc.constantFrom('text', 'event', 'voice', 'link'),
      anyText.map((text) => `x${text}`),
    ),
    MsgId: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String), anyText),
    Event: anyText.map((text) => `x${text}`),
    EventKey: anyText,
    Content: anyText,
    Recognition: anyText,
    Title: anyText,
  });
  const inJson = fc.tuple(push, anyText, anyText).map(([fields, name, text]) =>
    // No field above ends so.
    JSON.stringify({ [`${name}?`]: [text, { [name]: { [name]: text } }], ...fields }),
  );
  const inXml = push.map((fields) => toXml(fields));

  test.each([
    ['in JSON', inJson],
    ['in XML', inXml],
  ])('%s', async (_name, bodies) => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const store = createArrive(database.pool);
    await fc.assert(
      fc.asyncProperty(fc.array(bodies, { minLength: 1, maxLength: 10 }), async (group) => {
        const messages = group.map((body) => {
          const result = parseInbound(body);
          if (!result.ok) throw new Error(result.reason);
          return result.message;
        });
        await database.pool.query('truncate wechat.inbound_message cascade');
        // Each with an account of its own: some have the same MsgId.
        await store(messages.map((message, index) => ({ appId: `wx${index}`, ordered: true, message })));
        const rows = await database.rows<{ payload: FieldMap }>(
          `select dedupe_key, openid, msg_type, content, payload from wechat.inbound_message
           order by substr(app_id, 3)::int`,
        );
        expect(rows.length).toBe(messages.length);
        for (const [index, message] of messages.entries()) {
          const row = rows[index];
          expect(row).toEqual({
            dedupe_key: dedupeKey(message),
            openid: message.openid,
            msg_type: messageType(message),
            content: searchableText(message) ?? null,
            payload: JSON.parse(JSON.stringify(message.fields)),
          });
          // What the worker makes of it is what the webhook made of it.
          const again = toMessage(row?.payload ?? {});
          expect(JSON.parse(JSON.stringify(again))).toEqual({
            ok: true,
            message: JSON.parse(JSON.stringify(message)),
          });
        }
      }),
      { numRuns: 60 },
    );
  });
});
