import { createHash, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { PushResult, PushTry, SimulatedAccount } from './types.js';

export interface PlatformOptions {
  account: SimulatedAccount;
  webhookUrl(): string;
  /** How long the platform waits for an answer. */
  pushTimeoutMs: number;
  /** Between a try that failed early and the next. */
  retryDelayMs: number;
  clock: () => number;
}

export interface Platform {
  push(
    openid: string,
    body: string,
    ids: { msgId: string | undefined; createTime: number },
  ): Promise<PushResult>;
  /** The handshake that the console makes when the owner saves the URL. */
  checkServer(): Promise<{ status: number; body: string; ok: boolean }>;
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
  const agent = new Agent({ connections: 256, pipelining: 1 });

  /** Signed anew for each request, as the timestamp is. */
  function signedUrl(extra: Record<string, string>): URL {
    const timestamp = String(Math.floor(clock() / 1_000));
    const nonce = String(randomInt(1_000_000_000));
    const signature = createHash('sha1')
      .update([account.token, timestamp, nonce].sort().join(''))
      .digest('hex');
    const url = new URL(webhookUrl());
    for (const [name, value] of Object.entries({ signature, timestamp, nonce, ...extra }))
      url.searchParams.set(name, value);
    return url;
  }

  async function tryOnce(openid: string, body: string): Promise<PushTry> {
    const startedAt = performance.now();
    const ms = () => Math.round(performance.now() - startedAt);
    try {
      const response = await request(signedUrl({ openid }), {
        method: 'POST',
        headers: { 'content-type': 'text/xml' },
        body,
        dispatcher: agent,
        signal: AbortSignal.timeout(pushTimeoutMs),
      });
      return { status: response.statusCode, body: await response.body.text(), ms: ms() };
    } catch (error) {
      return { error: error instanceof Error ? `${error.name}: ${error.message}` : String(error), ms: ms() };
    }
  }

  return {
    async push(openid, body, { msgId, createTime }) {
      const tries: PushTry[] = [];
      const result = (outcome: PushResult['outcome']): PushResult => ({
        openid,
        body,
        msgId,
        createTime,
        tries,
        outcome,
      });
      while (tries.length < maxTries) {
        if (tries.length > 0) await sleep(retryDelayMs);
        const latest = await tryOnce(openid, body);
        tries.push(latest);
        if (isGood(latest)) return result('acknowledged');
      }
      return result('notice');
    },

    async checkServer() {
      const echostr = String(randomInt(1_000_000_000));
      const response = await request(signedUrl({ echostr }), { dispatcher: agent });
      const body = await response.body.text();
      return { status: response.statusCode, body, ok: response.statusCode === 200 && body === echostr };
    },

    close: () => agent.destroy(),
  };
}

/** Anything but these is an error in WeChat's eyes, JSON and error pages among them. */
function isGood({ status, body = '' }: PushTry): boolean {
  return status === 200 && (body === '' || body === 'success' || body.startsWith('<xml>'));
}
