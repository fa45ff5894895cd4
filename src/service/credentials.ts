import { type AccessTokens, createAccessTokens } from '../accounts/access-token.js';
import type { CredentialStore } from '../accounts/credential.js';
import { type CredentialStoreOptions, createCredentialStore } from '../accounts/credential-store.js';
import { createKysely } from '../db/kysely.js';
import type { Pool } from '../db/pool.js';
import type { Logger } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import type { WeChatClient } from '../wechat/out/client.js';

export interface TokensDependencies extends Pick<CredentialStoreOptions, 'durably'> {
  pool: Pool;
  client: Pick<WeChatClient, 'fetchToken'>;
  log: Logger;
  metrics: Pick<Metrics, 'tokenRefreshes'>;
  clock: () => Date;
}

/**
 * The access tokens of all accounts, as one part of the process uses them; what is renewed is logged and counted.
 *
 * Worker and admin port have one each. Both keep what they read in memory, and who renews is settled in Postgres, so a second one
 * costs a read every two hours. One for both would have the admin port wait for the worker's pool, or out an outage with it.
 */
export function createTokens({ pool, client, log, metrics, clock, ...options }: TokensDependencies): {
  store: CredentialStore;
  tokens: AccessTokens;
} {
  const store = createCredentialStore(createKysely(pool), options);
  const tokens = createAccessTokens({
    store,
    fetchToken: client.fetchToken,
    clock,
    onRefresh(appId, result, error) {
      metrics.tokenRefreshes.inc({ account: appId, result });
      if (result === 'ok') log.info({ event: 'token_refreshed', app_id: appId }, 'access token refreshed');
      else
        log.error(
          { event: 'token_refresh_failed', app_id: appId, err: error },
          'access token refresh failed',
        );
    },
  });
  return { store, tokens };
}
