import { randomBytes } from 'node:crypto';
import { type AccountConfig, readConfig } from '../config/settings.js';
import { startSimulator } from '../simulator/index.js';
import { print, printJson } from './format.js';
import type { Environment } from './operator-session.js';
import { UsageError } from './usage-error.js';

export interface SimulateOptions {
  environment: Environment;
  text: string;
  openid: string | undefined;
  account: string | undefined;
  url: string | undefined;
  json: boolean;
}

/**
 * `wechat-outbox simulate --text …`: pushes a message at the running service as WeChat would, signed, and encrypted
 * where a key is set. The service cannot tell the difference, and its answer goes to WeChat's API.
 */
export async function simulateCommand(options: SimulateOptions): Promise<void> {
  const { environment, text, json, openid = `simulated-${randomBytes(4).toString('hex')}` } = options;
  const { accounts, port } = readConfig({ ...environment, REPLIES: environment.REPLIES ?? 'unused.js' });
  const account = options.account ? accounts.find(({ appId }) => appId === options.account) : accounts[0];
  if (!account) throw new UsageError(`Account ${options.account} is not in the settings`);
  const url = options.url ?? `http://127.0.0.1:${port}/wechat/${account.appId}`;
  const simulator = await startSimulator({ account: toSimulated(account) });
  try {
    simulator.setWebhookUrl(url);
    const { outcome, tries } = await simulator.user(openid).say(text);
    const last = tries.at(-1);
    if (json) printJson({ outcome, url, account: account.appId, openid, tries });
    else if (outcome === 'acknowledged')
      print(`acknowledged in ${last?.ms} ms; see what becomes of it: wechat-outbox conversation ${openid}`);
    else print(`not acknowledged at ${url}: ${JSON.stringify(last)}`);
    if (outcome !== 'acknowledged') process.exitCode = 1;
  } finally {
    await simulator.close();
  }
}

function toSimulated({ appId, appSecret, token, encodingAesKeys: [key] }: AccountConfig) {
  const plain = { appId, appSecret, token };
  return key ? { ...plain, encodingAesKey: key, mode: 'secure' as const } : plain;
}
