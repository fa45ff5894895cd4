import { randomBytes } from 'node:crypto';
import { request } from 'undici';
import { apiOptions, type Config } from '../../config/settings.js';
import { describeError } from '../../lib/describe-error.js';
import { sign } from '../../wechat/in/signature.js';
import { createConnections } from '../../wechat/out/http.js';
import { duration } from '../terminal/format.js';
import type { Finding } from './finding.js';

const timeLimitMs = 10_000;

/** Any answer will do; its Date tells what WeChat's clock says. */
export async function checkApi(config: Config): Promise<Finding> {
  const { apiBase } = config;
  const dispatcher = createConnections(apiOptions(config));
  const startedAt = Date.now();
  try {
    const { headers, body } = await request(apiBase, {
      dispatcher,
      signal: AbortSignal.timeout(timeLimitMs),
    });
    await body.dump();
    const tookMs = Date.now() - startedAt;
    const date = Date.parse(String(headers.date));
    const offMs = Number.isNaN(date) ? 0 : Math.max(0, Math.abs(date - Date.now()) - 1_000);
    if (offMs > 60_000)
      return {
        level: 'fail',
        what: 'API',
        found: `${apiBase} answers, but its clock is ${duration(offMs)} from ours`,
        todo: 'synchronise this machine with NTP: pushes would be refused as stale',
      };
    return { level: 'ok', what: 'API', found: `${apiBase} answers in ${tookMs} ms` };
  } catch (error) {
    return {
      level: 'fail',
      what: 'API',
      found: `${apiBase} cannot be reached: ${describeError(error)}`,
      todo: 'check DNS, firewall, HTTPS_PROXY and WECHAT_API_IP_FAMILY of this machine, and WECHAT_API_BASE',
    };
  } finally {
    await dispatcher.destroy();
  }
}

/** As the console does when the URL is saved: by way of the public name, if it is known. */
export async function checkWebhook({ accounts, port }: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { appId, token, publicUrl } of accounts) {
    const inside = await shakeHands(`http://127.0.0.1:${port}/wechat/${appId}`, token);
    findings.push(
      inside === 'ok'
        ? { level: 'ok', what: 'webhook', found: `answers for ${appId} on port ${port} of this machine` }
        : {
            level: 'warn',
            what: 'webhook',
            found: `on port ${port} of this machine: ${inside}`,
            todo: 'fine if it runs elsewhere; else wechat-outbox start',
          },
    );
    if (!publicUrl) continue;
    const url = `${new URL(publicUrl).origin}/wechat/${appId}`;
    const outside = await shakeHands(url, token);
    findings.push(
      outside === 'ok'
        ? { level: 'ok', what: 'webhook', found: `${url} answers` }
        : {
            level: 'warn',
            what: 'webhook',
            found: `${url}: ${outside}`,
            todo: 'if WeChat calls this name (PUBLIC_URL): check DNS, TLS and the proxy in front',
          },
    );
  }
  return findings;
}

async function shakeHands(url: string, token: string): Promise<string> {
  const [timestamp, nonce, echostr] = [String(Math.floor(Date.now() / 1_000)), code(), code()];
  const query = new URLSearchParams({ signature: sign(token, timestamp, nonce), timestamp, nonce, echostr });
  try {
    const { statusCode, body } = await request(`${url}?${query}`, {
      signal: AbortSignal.timeout(timeLimitMs),
    });
    const text = await body.text();
    if (statusCode === 200 && text === echostr) return 'ok';
    return `the server check is answered with ${statusCode} ${JSON.stringify(text.slice(0, 60))}`;
  } catch (error) {
    return describeError(error);
  }
}

const code = () => randomBytes(8).toString('hex');
