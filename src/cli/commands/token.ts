import type { Command } from 'commander';
import type { AppCredentials } from '../../wechat/out/client.js';
import { withDatabase } from '../database/session.js';
import type { CommandContext } from '../terminal/context.js';
import { duration } from '../terminal/format.js';
import { type Json, jsonOption } from '../terminal/options.js';
import { print, printJson } from '../terminal/print.js';
import { UsageError } from '../terminal/usage-error.js';

export function addToken(program: Command, context: CommandContext): void {
  program
    .command('token')
    .description('access tokens')
    .command('refresh')
    .description("have WeChat hand out another access token, for all processes; needs the account's settings")
    .argument('<account>', 'its AppID')
    .addOption(jsonOption())
    .action((appId: string, { json = false }: Json) => refresh(context, appId, json));
}

/** The account's secret is needed, and so its settings. */
async function refresh(context: CommandContext, appId: string, json: boolean): Promise<void> {
  const { apiOptions, readConfig } = await import('../../config/settings.js');
  const { createClient } = await import('../../wechat/out/client.js');
  const environment = context.environment();
  const config = readConfig({ ...environment, REPLIES: environment.REPLIES ?? 'unused.js' });
  const account = config.accounts.find((one) => one.appId === appId);
  if (!account)
    throw new UsageError(`Account ${appId} is not in the settings: its secret is needed for a token`);
  const client = createClient(apiOptions(config));
  try {
    const { renewed, expiresAt } = await renew(context, account, client.fetchToken);
    if (json) return printJson(context, { account: appId, renewed, expiresAt });
    const goodFor = `good for ${duration((expiresAt?.getTime() ?? 0) - Date.now())}`;
    print(
      context,
      renewed
        ? `${appId} has a new access token, ${goodFor}`
        : `${appId} keeps its access token: WeChat hands out the same, ${goodFor}`,
    );
  } finally {
    await client.destroy();
  }
}

/** Other processes come upon it when WeChat refuses theirs, or when it ends. */
async function renew(
  context: CommandContext,
  account: AppCredentials,
  fetchToken: ReturnType<typeof import('../../wechat/out/client.js').createClient>['fetchToken'],
): Promise<{ renewed: boolean; expiresAt: Date | undefined }> {
  const [{ createAccessTokens }, { createCredentialStore }, { createKysely }] = await Promise.all([
    import('../../accounts/access-token.js'),
    import('../../accounts/credential-store.js'),
    import('../../db/kysely.js'),
  ]);
  return withDatabase(context, async (pool) => {
    const { appId } = account;
    const store = createCredentialStore(createKysely(pool));
    const tokens = createAccessTokens({ store, fetchToken, clock: () => new Date() });
    const before = await store.read(appId, 'access_token');
    if (before) await tokens.replace(account, before.value);
    else await tokens.get(account);
    const after = await store.read(appId, 'access_token');
    const renewed = after?.value !== before?.value;
    const affected = renewed ? 1 : 0;
    await pool.query(`select wechat.record_action('token_refresh', $1, '{}', $2)`, [appId, affected]);
    return { renewed, expiresAt: after?.expiresAt };
  });
}
