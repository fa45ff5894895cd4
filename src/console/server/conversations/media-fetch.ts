import { type InboundMedia, MediaError, type OpenInboundMedia } from '../../../accounts/inbound-media.js';
import { createBudget } from '../../../lib/budget.js';
import { describeError } from '../../../lib/describe-error.js';
import { say } from '../../../lib/language.js';
import { createShared } from '../../../lib/shared.js';
import { discard } from '../../../lib/web.js';
import type { Logger } from '../../../observe/log.js';
import type { AppCredentials } from '../../../wechat/out/client.js';
import { errorReason, TokenError } from '../../../wechat/out/errors.js';
import { noAccount, Refusal } from '../http/refusal.js';
import type { KeptMedia, MediaCache, MediaKey, MediaPlace } from './media-cache.js';
import { contentTypeOf } from './media-kinds.js';
import type { ToWav } from './voice.js';

export interface MediaFetchDependencies {
  cache: MediaCache;
  open: OpenInboundMedia;
  toWav: ToWav;
  accounts: readonly AppCredentials[];
  log: Logger;
}

/** A file that is kept here, after it was fetched where it was not. */
export type FetchMedia = (key: MediaKey) => Promise<MediaPlace & { kept: KeptMedia }>;

/** Of one file: WeChat's own limit is 10 MB. */
const maxBytes = 20 * 1_024 * 1_024;
/** Of all that are being fetched. */
const budgetBytes = 48 * 1_024 * 1_024;
const timeoutMs = 30_000;
/** media/get of an id that is no longer kept. */
const expiredCode = 40007;

const gone = () =>
  new Refusal(410, 'media_gone', say('WeChat no longer keeps this file', '微信已不再保存此文件'));
const unknownFile = () => new Refusal(404, 'no_media', say('There is no such file', '没有这个文件'));

/** Whoever looks at the same file at once waits for one fetch. */
export function createMediaFetch({ cache, open, toWav, accounts, log }: MediaFetchDependencies): FetchMedia {
  const shared = createShared<void>();
  const budget = createBudget(budgetBytes);

  async function fetch(key: MediaKey, { appId, mediaId, isFresh }: MediaPlace): Promise<void> {
    const account = accounts.find((one) => one.appId === appId);
    if (mediaId === null) throw unknownFile();
    if (!isFresh) throw gone();
    if (!account) throw noAccount(appId);
    const media = await open(account, mediaId, { maxBytes, signal: AbortSignal.timeout(timeoutMs) });
    const drawn = await budget.draw(media.length ?? maxBytes);
    try {
      const content = await collect(media);
      const contentType = await contentTypeOf(content);
      if (contentType === undefined)
        throw new Refusal(415, 'media_type', say('It is of no type that is shown', '不支持显示这种文件'));
      const wav = contentType === 'audio/amr' ? await toWav(content) : undefined;
      const [type, bytes] = wav ? ['audio/wav', wav] : [contentType, content];
      if (!(await cache.keep(key, type, bytes))) throw gone();
    } finally {
      budget.giveBack(drawn);
    }
  }

  return async (key) => {
    const found = await lookUp(key);
    if (isKept(found)) return found;
    const { messageId, position } = found;
    try {
      const { letGo } = await shared.join(`${messageId} ${position}`, () => fetch(key, found));
      letGo();
    } catch (error) {
      throw toRefusal(error, found, log);
    }
    const fetched = await lookUp(key);
    if (!isKept(fetched)) throw gone();
    return fetched;
  };

  async function lookUp(key: MediaKey): Promise<MediaPlace> {
    const found = await cache.find(key);
    if (!found) throw unknownFile();
    return found;
  }
}

function isKept(place: MediaPlace): place is MediaPlace & { kept: KeptMedia } {
  return place.kept !== undefined;
}

async function collect({ stream }: InboundMedia): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  } finally {
    discard(stream);
  }
  return Buffer.concat(chunks);
}

/** What the reader is told; the log has the rest. */
function toRefusal(error: unknown, { appId, messageId }: MediaPlace, log: Logger): unknown {
  if (error instanceof Refusal) return error;
  if (error instanceof MediaError && error.errcode === expiredCode) return gone();
  const isOfWeChat = error instanceof MediaError || error instanceof TokenError;
  if (!isOfWeChat && !isTimeout(error)) return error;
  log.warn(
    { event: 'media_failed', app_id: appId, message_id: messageId, err: error },
    'a file could not be fetched',
  );
  const errcode = error instanceof MediaError ? error.errcode : undefined;
  const words = (language: 'en' | 'zh-CN') =>
    (errcode === undefined ? undefined : errorReason(errcode, language)) ?? describeError(error);
  return new Refusal(
    502,
    'media_failed',
    say(`It could not be fetched from WeChat: ${words('en')}`, `无法从微信获取：${words('zh-CN')}`),
  );
}

/** A body that stalls is broken off by our signal. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
}
