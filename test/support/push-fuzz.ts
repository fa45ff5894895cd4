import fc from 'fast-check';
import type { PushSettings, SimulatedAccount, XmlFields } from '../../src/simulator/index.js';
import { createBody } from '../../src/simulator/pushes/body.js';
import { dedupeKey } from '../../src/wechat/in/dedupe-key.js';
import { openEnvelope } from '../../src/wechat/in/envelope.js';
import type { InboundMessage } from '../../src/wechat/in/message.js';
import { toMessage } from '../../src/wechat/in/message.js';
import { sign } from '../../src/wechat/in/signature.js';
import { awkwardTexts, forgedPieces, msgId, sender, storable, userTexts } from './xml-push.js';

const account: SimulatedAccount = {
  appId: 'wx1',
  appSecret: 'secret',
  token: 'token',
  encodingAesKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG',
};

/** Every mode and format in which an account can have its pushes. */
const transports = (['plaintext', 'compatible', 'secure'] as const).flatMap((mode) =>
  (['xml', 'json'] as const).map((format): PushSettings => ({ mode, format })),
);

/** Any Unicode text, and often one that looks like a push itself. */
const anyText = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom(...awkwardTexts),
    fc.constantFrom(...forgedPieces),
  ),
  maxLength: 40,
});

/** A push from its bytes to its message, as the webhook takes it. */
function receive(fields: XmlFields, transport: PushSettings): InboundMessage {
  const { body, encrypted = '' } = createBody(fields, account, transport);
  const bytes = Buffer.from(body);
  const opened = openEnvelope(
    bytes.toString('utf8'),
    { timestamp: '1', nonce: '2', msg_signature: sign('token', '1', '2', encrypted) },
    {
      appId: 'wx1',
      token: 'token',
      encodingAesKeys: [account.encodingAesKey ?? ''],
      requireEncryption: false,
    },
  );
  if (!opened.ok) throw new Error(opened.reason);
  const parsed = toMessage(opened.fields);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.message;
}

/** What looks like the end of the field before it: none could tell where that was. By where the text is. */
const joints: Readonly<Record<string, RegExp>> = {
  poiName: /\]\]>\s*<\/Label>\s*<Poiname>\s*<!\[CDATA\[/,
  description: /\]\]>\s*<\/Title>\s*<Description>\s*<!\[CDATA\[/,
  url: /\]\]>\s*<\/Description>\s*<Url>\s*<!\[CDATA\[/,
};

/**
 * Whatever a user writes, in whatever kind of message, mode and format: it arrives as it was, under its own sender, with
 * its own MsgId and no field beside its own, and has one key.
 *
 * @throws Error with the smallest input that does not
 */
export function fuzzPushes(runs: number, seed: number): void {
  const input = fc.record({
    text: anyText,
    kind: fc.constantFrom(...userTexts),
    transport: fc.constantFrom(...transports),
  });
  fc.assert(
    fc.property(input, ({ text, kind: [, push, property], transport }) => {
      fc.pre(!joints[property]?.test(text));
      const fields = push(text);
      const message = receive(fields, transport);
      const seen = Object.entries(message).find(([name]) => name === property)?.[1];
      // An empty recognition or key is none.
      check(seen ?? '', storable(property === 'eventKey' ? String(fields.EventKey) : text), 'the text');
      check(message.openid, sender, 'the sender');
      check(
        'msgId' in message ? message.msgId : undefined,
        'MsgId' in fields ? String(msgId) : undefined,
        'MsgId',
      );
      check(Object.keys(message.fields).join(), Object.keys(fields).join(), 'the fields');
      check(dedupeKey(message), dedupeKey(receive(fields, { mode: 'plaintext', format: 'json' })), 'the key');
    }),
    { numRuns: runs, seed },
  );
}

function check(seen: unknown, sent: unknown, what: string): void {
  if (seen !== sent)
    throw new Error(`${what} arrived as ${JSON.stringify(seen)}, not as ${JSON.stringify(sent)}`);
}
