import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { AccessTokens } from '../../../accounts/access-token.js';
import type { MediaUploads } from '../../../accounts/media-uploads.js';
import type { Pool } from '../../../db/pool.js';
import { say } from '../../../lib/language.js';
import { maxTextBytes } from '../../../replies/fit.js';
import { withoutControls } from '../../../replies/validate.js';
import { checkMedia } from '../../../sending/media-file.js';
import type { Uploader } from '../../../sending/media-upload.js';
import type { AppCredentials } from '../../../wechat/out/client.js';
import {
  encodePayload,
  image,
  text as textReply,
  toWire,
  type WirePayload,
} from '../../../wechat/out/reply.js';
import type { SendRequest, SendResult } from '../../contract/conversations.js';
import { text as textOf } from '../http/input.js';
import { Refusal } from '../http/refusal.js';
import { asPerson } from '../http/transaction.js';
import type { Address } from './address.js';
import { holderOf, refusedByWeChat, withToken } from './holding.js';
import type { MediaCache } from './media-cache.js';

/** Made by the page. */
const key = z.string().regex(/^[\w-]{8,64}$/);

export const textShape = z.strictObject({ text: textOf(4_000), key }) satisfies z.ZodType<SendRequest>;
export const pictureShape = z.object({ key });

/** What WeChat takes as a picture. Source: the page of media/upload. */
export const maxPictureBytes = 10 * 1_024 * 1_024;

/** Between tries while a worker has the conversation in hand: mostly it sends what the agent wrote a moment before. */
const busyMs = [100, 200, 400, 800] as const;

export interface Send extends Address {
  agent: string;
  key: string;
}

export interface SendDependencies {
  pool: Pool;
  tokens: AccessTokens;
  uploads: MediaUploads;
  uploader: Pick<Uploader, 'upload'>;
  cache: Pick<MediaCache, 'keep'>;
}

/** @throws Refusal for a text that is no message */
export function sendText(
  { pool }: Pick<SendDependencies, 'pool'>,
  send: Send,
  written: string,
): Promise<SendResult> {
  const content = withoutControls(written);
  if (content.trim() === '') throw new Refusal(400, 'empty', say('There is nothing to send', '内容为空'));
  if (Buffer.byteLength(content) > maxTextBytes)
    throw new Refusal(
      400,
      'too_long',
      say(`A text may have ${maxTextBytes} bytes`, `文字最长 ${maxTextBytes} 字节`),
    );
  return enqueue(pool, send, toWire(textReply(content)));
}

/**
 * Gives the picture to WeChat and its id to the outbox. Who may not send, or has sent it before, uploads nothing.
 *
 * @throws Refusal for what is no picture, or where WeChat does not take it
 */
export async function sendPicture(
  { pool, tokens, uploads, uploader, cache }: SendDependencies,
  account: AppCredentials,
  send: Send,
  content: Buffer,
): Promise<SendResult> {
  const checked = await checkMedia(content, 'image');
  if (checked.kind !== 'read')
    throw new Refusal(
      415,
      'not_a_picture',
      say(`WeChat takes no such picture: ${checked.problem}`, '微信只接收 bmp、png、jpg、gif 图片'),
    );
  const verdict = await foresee(pool, send);
  if (verdict) return verdict;
  const { file } = checked;
  const upload = { appId: account.appId, type: 'image', hash: file.hash } as const;
  let mediaId = await uploads.find(upload);
  if (mediaId === undefined) {
    const uploaded = await withToken(tokens, account, async (token) => {
      const done = await uploader.upload(upload, token, file);
      return done.kind === 'not-uploaded' ? done.outcome : done;
    });
    if (uploaded.kind === 'quota')
      throw refusedByWeChat({ ...uploaded, kind: 'refused', httpStatus: 200, errorClass: 'throttled' });
    if (uploaded.kind !== 'used') throw refusedByWeChat(uploaded);
    mediaId = uploaded.mediaId;
  }
  const result = await enqueue(pool, send, toWire(image(mediaId)));
  if (result.kind === 'queued')
    await cache.keep({ deliveryId: result.deliveryId }, file.contentType, content);
  return result;
}

interface Verdict {
  delivery_id: string | null;
  verdict: 'ready' | 'not_yours' | 'window_closed' | 'allowance_used';
}

/** What would come of it, as far as is known before it is tried; undefined: it may be tried. */
async function foresee(pool: Pool, send: Send): Promise<SendResult | undefined> {
  const { rows } = await pool.query<Verdict>(
    `select (select k.delivery_id from wechat.agent_send_key k where k.app_id = $1 and k.openid = $2 and k.key = $4),
       wechat.agent_send_verdict($1, $2, $3) as verdict`,
    [send.appId, send.openid, send.agent, send.key],
  );
  const [found] = rows;
  if (found?.delivery_id) return { kind: 'queued', deliveryId: found.delivery_id };
  return found && found.verdict !== 'ready' ? toResult(pool, send, found.verdict) : undefined;
}

async function enqueue(pool: Pool, send: Send, payload: WirePayload): Promise<SendResult> {
  const { appId, openid, agent } = send;
  for (let attempt = 0; ; attempt += 1) {
    const { rows } = await asPerson(pool, agent, (client) =>
      client.query<{ delivery_id: string | null; result: SendResult['kind'] }>(
        'select * from wechat.agent_send($1, $2, $3, $4::jsonb, $5)',
        [appId, openid, agent, encodePayload(payload), send.key],
      ),
    );
    const [row] = rows;
    if (!row) throw new Error('wechat.agent_send gave no row');
    if (row.result === 'queued') return { kind: 'queued', deliveryId: row.delivery_id ?? '' };
    const waitMs = busyMs[attempt];
    if (row.result !== 'busy' || waitMs === undefined) return toResult(pool, send, row.result);
    await sleep(waitMs);
  }
}

async function toResult(
  pool: Pool,
  address: Address,
  result: Exclude<SendResult['kind'], 'queued'>,
): Promise<SendResult> {
  return result === 'not_yours' ? { kind: result, agent: await holderOf(pool, address) } : { kind: result };
}
