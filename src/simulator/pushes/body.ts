import type { PushSettings, SimulatedAccount } from '../state/accounts.js';
import { encrypt } from './encrypt.js';
import type { XmlFields, XmlValue } from './xml.js';
import { toXml } from './xml.js';

export interface PushBody {
  body: string;
  /** The `Encrypt` field, which msg_signature signs; absent in plaintext mode. */
  encrypted?: string;
}

/** The body of a push, in the mode and format of the account. */
export function createBody(
  fields: XmlFields,
  account: SimulatedAccount,
  { mode, format }: PushSettings,
): PushBody {
  const write = format === 'xml' ? toXml : toJson;
  const plain = write(fields);
  if (mode === 'plaintext') return { body: plain };
  const { appId, encodingAesKey } = account;
  if (encodingAesKey === undefined)
    throw new Error(`The simulated account needs an encodingAesKey in ${mode} mode`);
  const encrypted = encrypt(plain, { appId, encodingAesKey });
  const { ToUserName = '' } = fields;
  const outer = mode === 'secure' ? { ToUserName, Encrypt: encrypted } : { ...fields, Encrypt: encrypted };
  return { body: write(outer), encrypted };
}

/** JSON as WeChat writes it: numbers as numbers, ids of 64 bits among them. */
function toJson(value: XmlValue): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string' || typeof value === 'number') return JSON.stringify(value);
  if (isList(value)) return `[${value.map(toJson).join(',')}]`;
  const entries = Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}:${toJson(inner)}`);
  return `{${entries.join(',')}}`;
}

function isList(value: XmlValue): value is readonly XmlValue[] {
  return Array.isArray(value);
}
