import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PushSettings, SimulatedAccount, XmlFields, XmlValue } from '../../src/simulator/index.js';
import { createBody } from '../../src/simulator/pushes/body.js';
import { openEnvelope } from '../../src/wechat/in/envelope.js';
import type { FieldMap, FieldValue } from '../../src/wechat/in/fields.js';
import { parseFields } from '../../src/wechat/in/parse.js';
import { sign } from '../../src/wechat/in/signature.js';
import { parseInbound } from '../support/parse-inbound.js';
import { awkwardTexts, storable } from '../support/xml-push.js';

type Format = PushSettings['format'];

const account: SimulatedAccount = {
  appId: 'wx1',
  appSecret: 'secret',
  token: 'token',
  encodingAesKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG',
};

const anyText = fc.string({
  unit: fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), fc.constantFrom(...awkwardTexts)),
});

const anyName = fc.oneof(
  fc.stringMatching(/^[A-Z][A-Za-z0-9_.-]{0,12}$/),
  fc.constantFrom('toString', 'valueOf', 'hasOwnProperty', '__lookupGetter__', 'length', 'item', '_', '消息'),
);

const scalar: fc.Arbitrary<XmlValue> = fc.oneof(
  anyText,
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

const { fields: anyFields } = fc.letrec<{ fields: XmlFields; value: XmlValue }>((tie) => ({
  fields: fc.dictionary(anyName, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    tie('fields'),
  ),
}));

/** A push has fields at least. */
const anyPush = anyFields.map((fields): XmlFields => ({ ...fields, FromUserName: 'oUser' }));

/**
 * What was meant, in the parser's terms: numbers are text, digit for digit, and what Postgres cannot store (NULs,
 * halves of surrogate pairs) is U+FFFD.
 */
function meant(value: XmlValue, format: Format): FieldValue {
  return format === 'json' ? meantInJson(value) : meantInXml(value);
}

function meantInJson(value: XmlValue): FieldValue {
  if (isList(value)) return value.map(meantInJson);
  if (isScalar(value)) return storable(String(value));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, meantInJson(inner)]));
}

/**
 * XML tells less apart. A list is an element as often as it has items: not at all when it is empty, a single one when
 * it has one item, and a list inside a list is more of the same. An element with nothing inside is empty text.
 */
function meantInXml(value: XmlValue): FieldValue {
  if (isScalar(value)) return storable(String(value));
  const fields: FieldMap = {};
  for (const [name, inner] of Object.entries(value)) {
    const [first, ...others] = items(inner).map(meantInXml);
    if (first !== undefined) fields[name] = others.length === 0 ? first : [first, ...others];
  }
  return Object.keys(fields).length === 0 ? '' : fields;
}

function items(value: XmlValue): XmlValue[] {
  return isList(value) ? value.flatMap(items) : [value];
}

function isList(value: XmlValue): value is readonly XmlValue[] {
  return Array.isArray(value);
}

function isScalar(value: XmlValue): value is string | number | bigint {
  return typeof value !== 'object';
}

/** As the webhook gets it: bytes, decoded. */
const overTheWire = (body: string) => Buffer.from(body).toString('utf8');

/** Without prototypes, which fields have none of. */
const plain = (fields: FieldMap): unknown => JSON.parse(JSON.stringify(fields));

function fieldsOf(body: string): unknown {
  const parsed = parseFields(body);
  if (!parsed.ok) throw new Error(parsed.reason);
  return plain(parsed.fields);
}

describe.each<Format>(['xml', 'json'])('any %s that the simulator can build', (format) => {
  test('parses to what was meant', () => {
    fc.assert(
      fc.property(anyPush, (fields) => {
        const { body } = createBody(fields, account, { mode: 'plaintext', format });
        expect(fieldsOf(body)).toEqual(meant(fields, format));
        expect(fieldsOf(overTheWire(body))).toEqual(meant(fields, format));
        expect(fieldsOf(`\uFEFF\n${body}\r\n`)).toEqual(meant(fields, format));
      }),
      { numRuns: 500 },
    );
  });

  test.each(['secure', 'compatible'] as const)('does so in %s mode', (mode) => {
    fc.assert(
      fc.property(anyPush, (fields) => {
        const { body, encrypted = '' } = createBody(fields, account, { mode, format });
        const query = { timestamp: '1', nonce: '2', msg_signature: sign('token', '1', '2', encrypted) };
        const settings = {
          appId: 'wx1',
          token: 'token',
          encodingAesKeys: [account.encodingAesKey ?? ''],
          requireEncryption: true,
        };
        const opened = openEnvelope(overTheWire(body), query, settings);
        if (!opened.ok) throw new Error(opened.reason);
        expect(plain(opened.fields)).toEqual(meant(fields, format));
      }),
      { numRuns: 100 },
    );
  });

  test('of a type that nobody knows is kept whole', () => {
    fc.assert(
      fc.property(anyFields, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (fields, msgId) => {
        const push = { ...fields, FromUserName: 'oUser', CreateTime: 1, MsgType: 'hologram', MsgId: msgId };
        const { body } = createBody(push, account, { mode: 'plaintext', format });
        const parsed = parseInbound(body);
        if (!parsed.ok) throw new Error(parsed.reason);
        expect(parsed.message).toMatchObject({ kind: 'unknown', msgType: 'hologram', msgId: String(msgId) });
        expect(plain(parsed.message.fields)).toEqual(meant(push, format));
      }),
      { numRuns: 200 },
    );
  });
});

test('in XML a list of one is a single element, an empty list is none, and an element without anything is empty text', () => {
  const fields = {
    One: ['a'],
    None: [],
    Two: ['a', 'b'],
    Nested: [['a'], [], ['b', 'c']],
    Empty: { None: [] },
  };
  const body = (format: Format) => createBody(fields, account, { mode: 'plaintext', format }).body;
  expect(fieldsOf(body('xml'))).toEqual({ One: 'a', Two: ['a', 'b'], Nested: ['a', 'b', 'c'], Empty: '' });
  expect(fieldsOf(body('json'))).toEqual(fields);
});

test('in XML by others a text means the same with references, and in pieces of these and CDATA', () => {
  const piece = fc.tuple(anyText, fc.constantFrom('cdata', 'named', 'decimal', 'hexadecimal'));
  const escaped = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' } as const;
  const reference = (text: string, write: (code: number) => string) =>
    [...text].map((character) => `&#${write(character.codePointAt(0) ?? 0)};`).join('');
  const written = ([text, way]: [string, string]): string => {
    if (way === 'cdata') return `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
    if (way === 'decimal') return reference(text, String);
    if (way === 'hexadecimal') return reference(text, (code) => `x${code.toString(16).padStart(6, '0')}`);
    return text.replace(/[&<>"']/g, (character) => escaped[character as keyof typeof escaped]);
  };
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      // XML has no such characters, by reference least of all; a line break would be another in each way.
      const parts = pieces.map(([text, way]): [string, string] => [
        text.replace(/[\p{Surrogate}\uFFFE\uFFFF]|(?![\n\t])\p{Cc}/gu, ''),
        way,
      ]);
      const body = `<xml><a>x${parts.map(written).join('')}</a></xml>`;
      expect(fieldsOf(body)).toEqual({ a: `x${parts.map(([text]) => text).join('')}` });
    }),
    { numRuns: 300 },
  );
});
