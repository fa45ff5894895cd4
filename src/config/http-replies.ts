import { z } from 'zod';
import { namesPrivateAddress } from '../lib/address-guard.js';
import { about } from './about.js';
import { type AccountConfig, webhookSecret, webUrl } from './account.js';
import { form } from './forms.js';
import type { SettingsProblem } from './problem.js';

/** Back ends that are asked for replies by HTTP, as settings. */

const seconds = (most: number, fallback: number) =>
  z.coerce
    .number(form('callSeconds'))
    .min(1, form('callSeconds'))
    .max(most, form('callSeconds'))
    .default(fallback);

export const httpReplySettings = {
  REPLIES_HTTP_SECRET: webhookSecret
    .optional()
    .meta(
      about(
        'replies',
        'Signs what is sent to a back end: `whsec_` and 24 to 64 bytes in base64. See [Replies by HTTP](http-replies.md).',
        { absent: 'required by http(s) addresses in REPLIES', accountKey: 'repliesHttpSecret' },
      ),
    ),
  REPLIES_HTTP_SECRET_PREVIOUS: webhookSecret.optional().meta(
    about('replies', 'The secret before it, while it changes: requests are signed by both.', {
      absent: 'none',
      accountKey: 'repliesHttpSecretPrevious',
    }),
  ),
  REPLIES_HTTP_TIMEOUT: seconds(3_600, 10).meta(
    about('replies', 'Seconds that one call of a back end may take; less than REPLY_TIMEOUT.'),
  ),
  REPLIES_HTTP_PRIVATE: z
    .enum(['true', 'false', '1', '0'], form('flag'))
    .default('false')
    .transform((value) => value === 'true' || value === '1')
    .meta(about('replies', 'Let back ends be in your own network, or on this machine.')),
  REPLIES_HTTP_TURNS: z.coerce
    .number(form('turns'))
    .int(form('turns'))
    .min(0, form('turns'))
    .max(100, form('turns'))
    .default(10)
    .meta(
      about('replies', 'How much of the conversation a back end is sent with a message: turns; `0`: none.'),
    ),
  REPLIES_CALLBACK_URL: webUrl
    .optional()
    .meta(
      about(
        'replies',
        'The webhook’s port as back ends reach it. With it they may answer later (202), by a callback below `/replies/callback/`.',
        { absent: 'none', example: 'https://wechat.example.com' },
      ),
    ),
  REPLIES_CALLBACK_WAIT: seconds(172_800, 600).meta(
    about(
      'replies',
      'Seconds that a message, and what the user sends after it, waits for an answer that comes later; the end of its reply window is the end of it anyway.',
    ),
  ),
};

/** How back ends are asked, but for the secrets, which are each account's. */
export interface HttpRepliesConfig {
  /** For one call. */
  timeoutMs: number;
  allowPrivateAddresses: boolean;
  /** Of the conversation, sent with each message. */
  turns: number;
  /** Without a slash at the end; undefined: nothing can be answered later. */
  callbackUrl: string | undefined;
  callbackWaitMs: number;
}

type Data = z.infer<z.ZodObject<typeof httpReplySettings>> & {
  REPLY_TIMEOUT: number;
  ACCOUNTS_FILE?: string | undefined;
};

/** Notes what is wrong with the back ends that accounts name. */
export function httpRepliesConfig(
  data: Data,
  accounts: readonly AccountConfig[],
  problems: SettingsProblem[],
): HttpRepliesConfig {
  let isAsked = false;
  for (const [index, { appId, replies, httpReplySecrets }] of accounts.entries()) {
    const addresses = replies.filter((entry) => /^https?:\/\//i.test(entry));
    if (addresses.length === 0) continue;
    isAsked = true;
    const place = placesOf(data.ACCOUNTS_FILE, `accounts[${index}] (${appId})`);
    if (httpReplySecrets.length === 0) problems.push({ code: 'noReplySecret', ...place.secret });
    for (const address of addresses) {
      if (!URL.canParse(address)) problems.push({ code: 'wrongForm', ...place.replies, form: 'webUrl' });
      else if (!data.REPLIES_HTTP_PRIVATE && namesPrivateAddress(new URL(address)))
        problems.push({ code: 'privateReplies', ...place.replies, host: new URL(address).host });
    }
  }
  if (isAsked && data.REPLIES_HTTP_TIMEOUT >= data.REPLY_TIMEOUT)
    problems.push({ code: 'notBelow', setting: 'REPLIES_HTTP_TIMEOUT', other: 'REPLY_TIMEOUT' });
  return {
    timeoutMs: data.REPLIES_HTTP_TIMEOUT * 1_000,
    allowPrivateAddresses: data.REPLIES_HTTP_PRIVATE,
    turns: data.REPLIES_HTTP_TURNS,
    callbackUrl: data.REPLIES_CALLBACK_URL,
    callbackWaitMs: data.REPLIES_CALLBACK_WAIT * 1_000,
  };
}

/** What the settings of an account are called where it is described. */
function placesOf(file: string | undefined, account: string) {
  if (file === undefined) return { replies: { where: 'REPLIES' }, secret: { where: 'REPLIES_HTTP_SECRET' } };
  return {
    replies: { where: `${account}.replies`, file },
    secret: { where: `${account}.repliesHttpSecret`, file },
  };
}
