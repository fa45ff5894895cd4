import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createBody } from '../../src/simulator/body.js';
import type { SimulatedAccount, XmlFields, XmlValue } from '../../src/simulator/types.js';
import { openEnvelope } from '../../src/wechat/envelope.js';
import type { FieldMap, FieldValue } from '../../src/wechat/fields.js';
import { parseFields } from '../../src/wechat/parse.js';
import { sign } from '../../src/wechat/signature.js';

const account: SimulatedAccount = {
  appId: 'wx1',
  appSecret: 'secret',
  token: 'token',
  encodingAesKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG',
};

/** Anything that XML can carry: no control characters but white space, and none of its reserved names. */
const anyText = fc
  .string({
    unit: fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
      fc.constantFrom(...awkward()),
    ),
  })
  .map((text) => text.toWellFormed().replaceAll('\r', ''));

function awkward(): string[] {
  return [
    ']]>',
    '<![CDATA[',
    '<a>',
    '</xml>',
    '&lt;',
    '&',
    '"',
    "'",
    '\n',
    '\t',
    '  ',
    '😀',
    '你好',
    '<!DOCTYPE x>',
    '\\',
    '-->',
  ];
}

const anyName = fc.stringMatching(/^[A-Z][A-Za-z0-9_]{0,12}$/);

const scalar: fc.Arbitrary<XmlValue> = fc.oneof(
  anyText,
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.integer(),
);

/** Elements with something inside; lists of two or more: one that is repeated once cannot be told from a single one. */
const { fields: anyFields } = fc.letrec<{ fields: XmlFields; value: XmlValue }>((tie) => ({
  fields: fc.dictionary(anyName, tie('value'), { minKeys: 1, maxKeys: 5, noNullPrototype: true }),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(scalar, { minLength: 2, maxLength: 4 }),
    tie('fields'),
    fc.array(tie('fields'), { minLength: 2, maxLength: 3 }),
  ),
}));

/** What was meant, in the parser's terms: every number as text. */
function meant(value: XmlValue): FieldValue {
  if (Array.isArray(value)) return value.map(meant);
  if (typeof value !== 'object') return String(value);
  const fields: FieldMap = {};
  for (const [name, inner] of Object.entries(value)) fields[name] = meant(inner as XmlValue);
  return fields;
}

/** Without prototypes, which fields have none of. */
const plain = (fields: FieldMap): unknown => JSON.parse(JSON.stringify(fields));

describe.each(['xml', 'json'] as const)('any %s that the simulator can build', (format) => {
  test('parses to what was meant', () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const { body } = createBody(fields, account, { mode: 'plaintext', format });
        const parsed = parseFields(body);
        if (!parsed.ok) throw new Error(parsed.reason);
        expect(plain(parsed.fields)).toEqual(meant(fields));
      }),
      { numRuns: 500 },
    );
  });

  test.each(['secure', 'compatible'] as const)('does so in %s mode', (mode) => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const { body, encrypted = '' } = createBody(fields, account, { mode, format });
        const query = { timestamp: '1', nonce: '2', msg_signature: sign('token', '1', '2', encrypted) };
        const settings = {
          appId: 'wx1',
          token: 'token',
          encodingAesKeys: [account.encodingAesKey ?? ''],
          requireEncryption: true,
        };
        const opened = openEnvelope(body, query, settings);
        if (!opened.ok) throw new Error(opened.reason);
        expect(plain(opened.fields)).toEqual(meant(fields));
      }),
      { numRuns: 100 },
    );
  });
});

test('an element that is repeated once is a single one, and an empty list is no element at all', () => {
  const { body } = createBody({ One: ['a'], None: [], Two: ['a', 'b'] }, account, {
    mode: 'plaintext',
    format: 'xml',
  });
  const parsed = parseFields(body);
  expect(parsed.ok && plain(parsed.fields)).toEqual({ One: 'a', Two: ['a', 'b'] });
});
