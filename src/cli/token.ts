import { createAccessTokens } from '../accounts/access-token.js';
import { createCredentialStore } from '../accounts/credential-store.js';
import { apiOptions, readConfig } from '../config/settings.js';
import { createKysely } from '../db/kysely.js';
import { createClient } from '../wechat/out/client.js';
import { duration, print, printJson } from './format.js';
import { type Environment, withDatabase } from './operator-session.js';
import { UsageError } from './usage-error.js';

export interface TokenOptions {
  environment: Environment;
  account: string;
  json: boolean;
}

/**
 * `wechat-outbox token refresh ACCOUNT`: another access token, for all processes; they come upon it when WeChat refuses
 * theirs, or when it ends. Needs the account's secret, and so its settings.
 */
export async function tokenRefreshCommand({
  environment,
  account: appId,
  json,
}: TokenOptions): Promise<void> {
  const config = readConfig({ ...environment, REPLIES: environment.REPLIES ?? 'unused.js' });
  const account = config.accounts.find((one) => one.appId === appId);
  if (!account)
    throw new UsageError(`Account ${appId} is not in the settings: its secret is needed for a token`);
  const client = createClient(apiOptions(config));
  try {
    await withDatabase(environment, async (pool) => {
      const store = createCredentialStore(createKysely(pool));
      const clock = () => new Date();
      const tokens = createAccessTokens({ store, fetchToken: client.fetchToken, clock });
      const before = await store.read(appId, 'access_token');
      if (before) await tokens.replace(account, before.value);
      else await tokens.get(account);
      const after = await store.read(appId, 'access_token');
      const renewed = after?.value !== before?.value;
      await pool.query(`select wechat.record_action('token_refresh', $1, '{}', $2)`, [
        appId,
        renewed ? 1 : 0,
      ]);
      const goodForMs = (after?.expiresAt.getTime() ?? 0) - Date.now();
      if (json) printJson({ account: appId, renewed, expiresAt: after?.expiresAt });
      else
        print(
          renewed
            ? `${appId} has a new access token, good for ${duration(goodForMs)}`
            : `${appId} keeps its access token: WeChat hands out the same, good for ${duration(goodForMs)}`,
        );
    });
  } finally {
    await client.destroy();
  }
}
