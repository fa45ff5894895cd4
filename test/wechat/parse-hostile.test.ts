import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { dedupeKey } from '../../src/inbox/dedupe-key.js';
import { createStore } from '../../src/inbox/store.js';
import { searchableText } from '../../src/wechat/message.js';
import { parseInbound } from '../../src/wechat/parse.js';
import { createTestDatabase } from '../support/database.js';

const limit = 256 * 1_024;

/** A push around something, cut off at what the webhook takes. */
const push = (inner: string) =>
  `<xml><FromUserName>o</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType>${inner}</xml>`;
const fill = (piece: string) => piece.repeat(Math.floor((limit - 200) / piece.length));
const numbered = (count: number, piece: (number: number) => string) =>
  Array.from({ length: count }, (_, number) => piece(number)).join('');

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
      'a DOCTYPE after sections that are never closed',
      push(`${'<![CDATA['.repeat(14_000)}${'<!doctype'.repeat(13_000)}`),
    ],
    ['entities', push(`<Content>${fill('&amp;')}</Content>`)],
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
    const startedAt = performance.now();
    const result = parseInbound(body);
    // These take milliseconds, some 200 at most here; what is quadratic takes far more than this.
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(typeof result.ok).toBe('boolean');
    expect('polluted' in {}).toBe(false);
  });

  test('is refused when it is nested deeper than anything of WeChat’s', () => {
    const nested = (depth: number) => push('<a>'.repeat(depth) + '</a>'.repeat(depth));
    expect(parseInbound(nested(20)).ok).toBe(true);
    expect(parseInbound(nested(40))).toEqual({ ok: false, reason: 'elements are nested deeper than 32' });
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

test('Postgres takes whatever the parser gives, and gives it back', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const store = createStore(database.pool);
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('\0', '\ud800', '\udfff', '\uffff', '😀', '"', '\\', '\u0001', 'a') }),
  );
  await fc.assert(
    fc.asyncProperty(anyText, anyText, anyText, async (content, name, openid) => {
      const body = JSON.stringify({
        FromUserName: `o${openid}`,
        CreateTime: 1,
        MsgType: 'text',
        Content: content,
        [`x${name}`]: { [name]: [content, { [name]: content }] },
      });
      const result = parseInbound(body);
      if (!result.ok) throw new Error(result.reason);
      await database.pool.query('truncate wechat.inbound_message cascade');
      await store([{ appId: 'wx1', message: result.message }]);
      expect(await database.rows('select openid, content, payload from wechat.inbound_message')).toEqual([
        {
          openid: result.message.openid,
          content: searchableText(result.message),
          payload: JSON.parse(JSON.stringify(result.message.fields)),
        },
      ]);
    }),
    { numRuns: 150 },
  );
});
