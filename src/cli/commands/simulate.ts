import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { AccountConfig } from '../../config/settings.js';
import type { SimulatedAccount } from '../../simulator/index.js';
import { argumentParsers } from '../terminal/arguments.js';
import type { CommandContext } from '../terminal/context.js';
import { accountOption, type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';

/** Fixed, so that the service can be started with it before. */
const defaultPort = 3010;

interface Flags extends Json {
  text?: string;
  phone?: boolean;
  port?: number;
  menu?: string;
  openid?: string;
  account?: string;
  url?: string;
}

export function addSimulate(program: Command, context: CommandContext): void {
  const { help } = context.words;
  program
    .command('simulate')
    .description(help.simulate.about)
    .option('--text <text>', help.simulate.text)
    .option('--phone', help.simulate.phone)
    .option('--port <port>', help.simulate.port, argumentParsers(context.words).count)
    .option('--menu <file>', help.simulate.menu)
    .option('--openid <openid>', help.simulate.openid)
    .addOption(accountOption(help, help.simulate.account))
    .option('--url <url>', help.simulate.url)
    .addOption(jsonOption(help))
    .action((flags: Flags) => simulate(context, flags));
}

/** Encrypted where a key is set. The service cannot tell the difference, and its answer goes to WeChat's API. */
async function simulate(context: CommandContext, flags: Flags): Promise<void> {
  const { text, phone = false, port, menu, json = false } = flags;
  const { simulate: words } = context.words.commands;
  if ((text === undefined) !== phone) throw new UsageError(words.textOrPhone);
  if (!phone && (port !== undefined || menu !== undefined)) throw new UsageError(words.withPhone);
  const [{ readConfig }, simulator] = await Promise.all([
    import('../../config/settings.js'),
    import('../../simulator/index.js'),
  ]);
  const environment = context.environment();
  const config = readConfig({ ...environment, REPLIES: environment.REPLIES ?? 'unused.js' });
  const account = flags.account
    ? config.accounts.find(({ appId }) => appId === flags.account)
    : config.accounts[0];
  if (!account) throw new UsageError(words.notInSettings(String(flags.account)));
  const url = flags.url ?? `http://127.0.0.1:${config.port}/wechat/${account.appId}`;
  const target: Target = { ...simulator, account: toSimulated(account), url };
  if (text === undefined) await showPhone(context, target, flags);
  else await push(context, target, { ...flags, text, json });
}

/** What both ways of the command need. */
interface Target extends Pick<typeof import('../../simulator/index.js'), 'startSimulator' | 'parseMenu'> {
  account: SimulatedAccount;
  url: string;
}

async function push(
  context: CommandContext,
  { startSimulator, account, url }: Target,
  flags: { text: string; json: boolean; openid?: string },
): Promise<void> {
  const { text, json, openid = `simulated-${randomBytes(4).toString('hex')}` } = flags;
  const { simulate: words } = context.words.commands;
  const simulator = await startSimulator({ account });
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

/** Until it is told to stop. */
async function showPhone(
  context: CommandContext,
  { startSimulator, parseMenu, account, url }: Target,
  { port = defaultPort, menu: file, json = false }: Flags,
): Promise<void> {
  const { simulate: words } = context.words.commands;
  const menu = file === undefined ? undefined : readMenu(file);
  const signal = context.host.untilSignal(() => context.host.exit(1));
  const simulator = await startSimulator({
    account,
    port,
    webhookUrl: url,
    phone: menu ? { menu } : {},
  });
  try {
    const { phoneUrl = '', apiBase } = simulator;
    const place = { page: phoneUrl, api: apiBase, webhook: url };
    if (json) printJson(context, place);
    else print(context, words.phone(place));
    await signal;
  } finally {
    await simulator.close();
  }

  function readMenu(name: string) {
    try {
      return parseMenu(readFileSync(name, 'utf8'));
    } catch (error) {
      throw new UsageError(words.badMenu(name, error instanceof Error ? error.message : String(error)));
    }
  }
}

function toSimulated({ appId, appSecret, token, encodingAesKeys: [key] }: AccountConfig): SimulatedAccount {
  const plain = { appId, appSecret, token };
  return key ? { ...plain, encodingAesKey: key, mode: 'secure' } : plain;
}
