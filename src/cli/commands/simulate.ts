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
  const { help } = context.words;
  program
    .command('simulate')
    .description(help.simulate.about)
    .requiredOption('--text <text>', help.simulate.text)
    .option('--openid <openid>', help.simulate.openid)
    .addOption(accountOption(help, help.simulate.account))
    .option('--url <url>', help.simulate.url)
    .addOption(jsonOption(help))
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
  const { simulate: words } = context.words.commands;
  if (!account) throw new UsageError(words.notInSettings(String(flags.account)));
  const url = flags.url ?? `http://127.0.0.1:${port}/wechat/${account.appId}`;
  const simulator = await startSimulator({ account: toSimulated(account) });
  try {
    simulator.setWebhookUrl(url);
    const { outcome, tries } = await simulator.user(openid).say(text);
    const last = tries.at(-1);
    if (json) printJson(context, { outcome, url, account: account.appId, openid, tries });
    else if (outcome === 'acknowledged') print(context, words.acknowledged(last?.ms, openid));
    else print(context, words.notAcknowledged(url, JSON.stringify(last)));
    if (outcome !== 'acknowledged') context.setExitCode(1);
  } finally {
    await simulator.close();
  }
}

function toSimulated({ appId, appSecret, token, encodingAesKeys: [key] }: AccountConfig) {
  const plain = { appId, appSecret, token };
  return key ? { ...plain, encodingAesKey: key, mode: 'secure' as const } : plain;
}
