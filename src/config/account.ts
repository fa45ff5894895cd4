import { z } from 'zod';
import { isEncodingAesKey } from '../wechat/in/crypto.js';
import type { EncryptionSettings } from '../wechat/in/envelope.js';
import type { WindowRules } from '../wechat/in/window.js';
import type { AppCredentials } from '../wechat/out/client.js';

/** One Official Account and how it is to be served. */
export interface AccountConfig extends AppCredentials, EncryptionSettings {
  /** What users know it as. */
  name: string;
  /** Where the pictures of the default replies are served, without a slash at the end. */
  publicUrl?: string | undefined;
  /** Path of a module whose export `replies` replaces the default replies. */
  repliesModule?: string | undefined;
  /**
   * Takes pushes that nobody signed, as WeChat Cloud Hosting sends them inside of its network; `source`: only with the header
   * x-wx-source.
   */
  cloudHosting: 'off' | 'on' | 'source';
  /** What becomes of an attempt whose outcome cannot be known. */
  onUnknown: 'resend' | 'hold';
  /** What becomes of a reply with more messages than the reply window allows. */
  onOverflow: 'cut' | 'refuse';
  /** A user's replies leave in the order of their messages; off, each as soon as it is ready. */
  ordered: boolean;
  /** Shows "typing" to the user while the reply logic runs. */
  typingIndicator: boolean;
  /** Sends a second, over all processes; 0 is no limit. */
  sendRate: number;
  windows: WindowRules;
  /** Origins of the pages that may have a JS-SDK signature, e.g. https://www.example.com */
  jsapiOrigins: readonly string[];
}

/** The forms of an account's settings, wherever they are written. */
export const appId = z
  .string({ error: 'is missing: the AppID from the console, e.g. wx0123456789abcdef' })
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the AppID from the console, e.g. wx0123456789abcdef');

export const appSecret = z.string({ error: 'is missing: the AppSecret from the console' });

export const token = z
  .string({ error: 'is missing: choose 3 to 32 letters or digits and enter the same in the console' })
  .regex(/^[A-Za-z0-9]{3,32}$/, 'must be 3 to 32 letters or digits, the same as in the console');

export const encodingAesKey = z
  .string()
  .refine(isEncodingAesKey, 'must be the EncodingAESKey from the console: 43 letters and digits')
  .optional();

export const webUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) URL such as https://example.com' })
  .transform((url) => url.replace(/\/+$/, ''));

export const origin = webUrl.refine(
  (url) => new URL(url).origin === url,
  'must be an origin such as https://www.example.com, without a path',
);

export const onUnknown = z.enum(['resend', 'hold'], { error: 'must be resend or hold' });

export const onOverflow = z.enum(['cut', 'refuse'], { error: 'must be cut or refuse' });

export const cloudHosting = z.enum(['off', 'on', 'source'], { error: 'must be off, on or source' });

export const accessTokenMode = z.enum(['stable', 'classic'], { error: 'must be stable or classic' });

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

export const sendRate = z.coerce
  .number({ error: 'must be a number of sends a second, 0 for no limit' })
  .min(0)
  .max(100_000);

/** Messages and time, e.g. `5/48h`. */
export const allowance = z
  .string({ error: 'must be messages/time, e.g. 5/48h or 3/60s' })
  .regex(/^\d{1,3}\/\d{1,6}[smhd]$/, 'must be messages/time, e.g. 5/48h or 3/60s')
  .transform((value) => {
    const [, quota = '', time = '', unit = ''] = /^(\d+)\/(\d+)(.)$/.exec(value) ?? [];
    return { quota: Number(quota), seconds: Number(time) * (unitSeconds[unit] ?? 1) };
  });

/** The current key first, then the previous one. */
export function encodingAesKeys(current: string | undefined, previous: string | undefined): string[] {
  return [current, previous].filter((key) => key !== undefined);
}

/** What cannot be asked for together; undefined where all is well. */
export function contradictionOf({
  cloudHosting,
  requireEncryption,
}: Pick<AccountConfig, 'cloudHosting' | 'requireEncryption'>): string | undefined {
  return cloudHosting !== 'off' && requireEncryption
    ? 'takes pushes without a signature, which are never encrypted, and requires encryption: keep one of them'
    : undefined;
}
