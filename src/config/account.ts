import { z } from 'zod';
import { isEncodingAesKey } from '../wechat/in/crypto.js';
import type { EncryptionSettings } from '../wechat/in/envelope.js';
import type { Allowance, WindowRules } from '../wechat/in/window.js';
import type { AppCredentials } from '../wechat/out/client.js';
import { form } from './forms.js';

/** One Official Account and how it is to be served. */
export interface AccountConfig extends AppCredentials, EncryptionSettings {
  /** What users know it as. */
  name: string;
  /** Where the pictures of the default replies are served, without a slash at the end. */
  publicUrl?: string | undefined;
  /** Where its replies come from, asked in turn (replies/open.ts): paths and addresses; empty: the default replies. */
  replies: readonly string[];
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
  /** What a user sends within so long of what they sent before is answered at once; 0: each message by itself. */
  mergeWithinMs: number;
  /** Shows "typing" to the user while the reply logic runs. */
  typingIndicator: boolean;
  /** Sends a second, over all processes; 0 is no limit. */
  sendRate: number;
  windows: WindowRules;
  /** How many messages of one user are answered in a time; empty: any number. */
  userLimits: readonly Allowance[];
  /** What a user is told, once a period, whose messages are too many; empty: nothing. */
  limitNotice: string;
  /** Origins of the pages that may have a JS-SDK signature, e.g. https://www.example.com */
  jsapiOrigins: readonly string[];
}

/** The forms of an account's settings, wherever they are written. */
export const appId = z.string(form('appIdMissing')).regex(/^[A-Za-z0-9_-]{1,64}$/, form('appId'));

export const appSecret = z.string(form('appSecretMissing'));

export const token = z.string(form('tokenMissing')).regex(/^[A-Za-z0-9]{3,32}$/, form('token'));

export const encodingAesKey = z.string().refine(isEncodingAesKey, form('encodingAesKey')).optional();

export const webUrl = z
  .url({ protocol: /^https?$/, ...form('webUrl') })
  .transform((url) => url.replace(/\/+$/, ''));

export const origin = webUrl.refine((url) => new URL(url).origin === url, form('origin'));

export const onUnknown = z.enum(['resend', 'hold'], form('onUnknown'));

export const onOverflow = z.enum(['cut', 'refuse'], form('onOverflow'));

export const cloudHosting = z.enum(['off', 'on', 'source'], form('cloudHosting'));

export const accessTokenMode = z.enum(['stable', 'classic'], form('accessTokenMode'));

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

export const sendRate = z.coerce
  .number(form('sendRate'))
  .min(0, form('sendRate'))
  .max(100_000, form('sendRate'));

/** Seconds. */
export const mergeWithin = z.coerce
  .number(form('mergeWithin'))
  .min(0, form('mergeWithin'))
  .max(30, form('mergeWithin'));

/** Messages and time, e.g. `5/48h`. */
export const allowance = z
  .string(form('allowance'))
  .regex(/^\d{1,3}\/\d{1,6}[smhd]$/, form('allowance'))
  .transform((value) => {
    const [, quota = '', time = '', unit = ''] = /^(\d+)\/(\d+)(.)$/.exec(value) ?? [];
    return { quota: Number(quota), seconds: Number(time) * (unitSeconds[unit] ?? 1) };
  });

/** The same as a limit: none of it is 0. */
export const userLimit = allowance.refine(
  ({ quota, seconds }) => quota > 0 && seconds > 0,
  form('userLimit'),
);

/** `off` is none. */
export const limitNotice = z
  .string()
  .max(200, form('overflowNotice'))
  .transform((value) => (value === 'off' ? '' : value));

/** The current key first, then the previous one. */
export function encodingAesKeys(current: string | undefined, previous: string | undefined): string[] {
  return [current, previous].filter((key) => key !== undefined);
}

/** Pushes without a signature are never encrypted: they cannot be taken where encryption is required. */
export function isContradiction({
  cloudHosting,
  requireEncryption,
}: Pick<AccountConfig, 'cloudHosting' | 'requireEncryption'>): boolean {
  return cloudHosting !== 'off' && requireEncryption;
}
