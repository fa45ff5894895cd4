import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { SimulatedAccount } from '../state/accounts.js';
import { signature } from './encrypt.js';

/** One try of a push: a status and a body, or an error. */
export interface PushTry {
  status?: number;
  body?: string;
  error?: string;
  ms: number;
}

export interface PushResult {
  appId: string;
  openid: string;
  /** What was pushed. */
  body: string;
  /** Its `Encrypt` field, outside plaintext mode. */
  encrypted?: string;
  /** Absent for events. */
  msgId?: string;
  /** Unix seconds. */
  createTime: number;
  tries: readonly PushTry[];
  /** `notice`: no good response in three tries, and the user was told that the account is out of service. */
  outcome: 'acknowledged' | 'notice';
  /** The passive reply, when the push was acknowledged with one. */
  replyXml?: string;
}

export interface PlatformTimes {
  /** How long the platform waits for a response. */
  pushTimeoutMs: number;
  /** Between a failed try and the next. */
  retryDelayMs: number;
}

export interface PlatformOptions extends PlatformTimes {
  account: SimulatedAccount;
  /** @throws Error when there is none yet */
  webhookUrl(): string;
  clock: () => number;
}

/** What a push is about; the same for each of its tries, and when it is sent again. */
export interface Push {
  openid: string;
  body: string;
  /** Its `Encrypt` field, if it has one: then msg_signature signs it. */
  encrypted?: string;
  msgId?: string;
  createTime: number;
}

export interface Platform {
  /** Up to three tries. Rejects only when there is no webhook URL. */
  push(push: Push): Promise<PushResult>;
  /**
   * The handshake that the console makes when the owner saves the URL.
   *
   * @throws Error when no response comes in the time of a push
   */
  checkServer(): Promise<{ status: number; body: string; ok: boolean }>;
  /** Breaks off what is under way. */
  close(): Promise<void>;
}

const maxTries = 3;

/** The pushing side of WeChat: signs, waits five seconds, tries three times, then tells the user. */
export function createPlatform({
  account,
  webhookUrl,
  pushTimeoutMs,
  retryDelayMs,
  clock,
}: PlatformOptions): Platform {
  // As many connections as pushes: one that waited in here for its turn would be late before it was sent.
  const agent = new Agent({ connections: null, pipelining: 1, allowH2: false });

  /** Signed anew for each request, as the timestamp is. */
  function signedUrl(extra: Record<string, string>, encrypted?: string): URL {
    const timestamp = String(Math.floor(clock() / 1_000));
    const nonce = String(randomInt(1_000_000_000));
    const parameters: Record<string, string> = {
      signature: signature(account.token, timestamp, nonce),
      timestamp,
      nonce,
      ...extra,
    };
    if (encrypted !== undefined) {
      parameters.encrypt_type = 'aes';
      parameters.msg_signature = signature(account.token, timestamp, nonce, encrypted);
    }
    const url = new URL(webhookUrl());
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url;
  }

  async function tryOnce({ openid, body, encrypted }: Push): Promise<PushTry> {
    const url = signedUrl({ openid }, encrypted);
    const startedAt = performance.now();
    const ms = () => Math.round(performance.now() - startedAt);
    try {
      const response = await request(url, {
        method: 'POST',
        headers: { 'content-type': body.startsWith('{') ? 'application/json' : 'text/xml' },
        body,
        dispatcher: agent,
        signal: AbortSignal.timeout(pushTimeoutMs),
      });
      return { status: response.statusCode, body: await response.body.text(), ms: ms() };
    } catch (error) {
      return { error: error instanceof Error ? `${error.name}: ${error.message}` : String(error), ms: ms() };
    }
  }

  const { appId } = account;
  return {
    async push({ openid, body, encrypted, msgId, createTime }) {
      const push: Push = {
        openid,
        body,
        createTime,
        ...(encrypted === undefined ? {} : { encrypted }),
        ...(msgId === undefined ? {} : { msgId }),
      };
      const tries: PushTry[] = [];
      while (tries.length < maxTries) {
        if (tries.length > 0 && retryDelayMs > 0) await sleep(retryDelayMs);
        const latest = await tryOnce(push);
        tries.push(latest);
        const verdict = judge(latest);
        if (verdict.good) {
          const { replyXml } = verdict;
          return {
            appId,
            ...push,
            tries,
            outcome: 'acknowledged',
            ...(replyXml === undefined ? {} : { replyXml }),
          };
        }
      }
      return { appId, ...push, tries, outcome: 'notice' };
    },

    async checkServer() {
      const echostr = String(randomInt(1_000_000_000));
      const response = await request(signedUrl({ echostr }), {
        dispatcher: agent,
        signal: AbortSignal.timeout(pushTimeoutMs),
      });
      const body = await response.body.text();
      return { status: response.statusCode, body, ok: response.statusCode === 200 && body === echostr };
    },

    close: () => agent.destroy(),
  };
}

/** Anything but an empty 200, `success` or an XML reply is an error in WeChat's eyes, JSON and error pages too. */
function judge({ status, body = '' }: PushTry): { good: false } | { good: true; replyXml?: string } {
  if (status !== 200) return { good: false };
  if (body === '' || body === 'success') return { good: true };
  return /^\s*<xml>[\s\S]*<\/xml>\s*$/.test(body) ? { good: true, replyXml: body } : { good: false };
}
