import { randomBytes } from 'node:crypto';
import { request } from 'undici';
import { apiOptions, type Config } from '../../config/settings.js';
import { describeError } from '../../lib/describe-error.js';
import { sign } from '../../wechat/in/signature.js';
import { createConnections } from '../../wechat/out/http.js';
import type { Words } from '../words/index.js';
import type { Finding } from './finding.js';

const timeLimitMs = 10_000;

/** Any answer will do; its Date tells what WeChat's clock says. */
export async function checkApi(config: Config, { doctor, terminal }: Words): Promise<Finding> {
  const { api: words } = doctor;
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
        found: words.clockOff(apiBase, terminal.duration(offMs)),
        todo: words.synchronise,
      };
    return { level: 'ok', what: 'API', found: words.answers(apiBase, tookMs) };
  } catch (error) {
    return {
      level: 'fail',
      what: 'API',
      found: words.unreachable(apiBase, describeError(error)),
      todo: words.checkNetwork,
    };
  } finally {
    await dispatcher.destroy();
  }
}

/** As the console does when the URL is saved: by way of the public name, if it is known. */
export async function checkWebhook({ accounts, port }: Config, { doctor }: Words): Promise<Finding[]> {
  const { webhook: words } = doctor;
  const findings: Finding[] = [];
  for (const { appId, token, publicUrl } of accounts) {
    const inside = await shakeHands(`http://127.0.0.1:${port}/wechat/${appId}`, token, words);
    findings.push(
      inside === 'ok'
        ? { level: 'ok', what: 'webhook', found: words.answersHere(appId, port) }
        : {
            level: 'warn',
            what: 'webhook',
            found: words.here(port, inside),
            todo: words.fineElsewhere,
          },
    );
    if (!publicUrl) continue;
    const url = `${new URL(publicUrl).origin}/wechat/${appId}`;
    const outside = await shakeHands(url, token, words);
    findings.push(
      outside === 'ok'
        ? { level: 'ok', what: 'webhook', found: words.answersAt(url) }
        : {
            level: 'warn',
            what: 'webhook',
            found: `${url}: ${outside}`,
            todo: words.checkOutside,
          },
    );
  }
  return findings;
}

async function shakeHands(url: string, token: string, words: Words['doctor']['webhook']): Promise<string> {
  const [timestamp, nonce, echostr] = [String(Math.floor(Date.now() / 1_000)), code(), code()];
  const query = new URLSearchParams({ signature: sign(token, timestamp, nonce), timestamp, nonce, echostr });
  try {
    const { statusCode, body } = await request(`${url}?${query}`, {
      signal: AbortSignal.timeout(timeLimitMs),
    });
    const text = await body.text();
    if (statusCode === 200 && text === echostr) return 'ok';
    return words.wrong(statusCode, JSON.stringify(text.slice(0, 60)));
  } catch (error) {
    return describeError(error);
  }
}

const code = () => randomBytes(8).toString('hex');
