import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import type { AccountConfig } from '../../config/settings.js';
import type { CommandContext } from '../terminal/context.js';
import { accountOption, type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';

interface Flags extends Json {
  text: string;
  openid?: string;
  account?: string;
  url?: string;
}

export function addSimulate(program: Command, context: CommandContext): void {
  program
    .command('simulate')
    .description('push a message at the running service, signed as WeChat would; needs its settings')
    .requiredOption('--text <text>', 'what the user says')
    .option('--openid <openid>', 'who says it (default: somebody new)')
    .addOption(accountOption('to whom (default: the first)'))
    .option('--url <url>', 'where the webhook is (default: on this machine)')
    .addOption(jsonOption())
    .action((flags: Flags) => simulate(context, flags));
}

/** Encrypted where a key is set. The service cannot tell the difference, and its answer goes to WeChat's API. */
async function simulate(context: CommandContext, flags: Flags): Promise<void> {
  const [{ readConfig }, { startSimulator }] = await Promise.all([
    import('../../config/settings.js'),
    import('../../simulator/index.js'),
  ]);
  const environment = context.environment();
  const { text, json = false, openid = `simulated-${randomBytes(4).toString('hex')}` } = flags;
  const { accounts, port } = readConfig({ ...environment, REPLIES: environment.REPLIES ?? 'unused.js' });
  const account = flags.account ? accounts.find(({ appId }) => appId === flags.account) : accounts[0];
  if (!account) throw new UsageError(`Account ${flags.account} is not in the settings`);
  const url = flags.url ?? `http://127.0.0.1:${port}/wechat/${account.appId}`;
  const simulator = await startSimulator({ account: toSimulated(account) });
  try {
    simulator.setWebhookUrl(url);
    const { outcome, tries } = await simulator.user(openid).say(text);
    const last = tries.at(-1);
    const next = `see what becomes of it: wechat-outbox conversation ${openid}`;
    if (json) printJson(context, { outcome, url, account: account.appId, openid, tries });
    else if (outcome === 'acknowledged') print(context, `acknowledged in ${last?.ms} ms; ${next}`);
    else print(context, `not acknowledged at ${url}: ${JSON.stringify(last)}`);
    if (outcome !== 'acknowledged') context.setExitCode(1);
  } finally {
    await simulator.close();
  }
}

function toSimulated({ appId, appSecret, token, encodingAesKeys: [key] }: AccountConfig) {
  const plain = { appId, appSecret, token };
  return key ? { ...plain, encodingAesKey: key, mode: 'secure' as const } : plain;
}
