import { onTestFinished } from 'vitest';
import { type AccessTokens, createAccessTokens } from '../../src/accounts/access-token.js';
import { createCredentialStore } from '../../src/accounts/credential-store.js';
import { createKysely } from '../../src/db/kysely.js';
import { createPool } from '../../src/db/pool.js';
import { createClient } from '../../src/wechat/out/client.js';
import type { Stage } from './stage.js';

/** As a process of its own would have them: with its own pool, cache and client. */
export function tokensOfAnotherProcess(
  { database, simulator }: Stage,
  clock = () => new Date(),
): AccessTokens {
  const pool = createPool({
    connectionString: database.url,
    name: 'test',
    max: 3,
    statementTimeoutMs: 20_000,
    onError: () => undefined,
  });
  const client = createClient({ apiBase: simulator.apiBase });
  onTestFinished(async () => {
    await client.destroy();
    await pool.end();
  });
  return createAccessTokens({
    store: createCredentialStore(createKysely(pool)),
    fetchToken: client.fetchToken,
    clock,
  });
}

/** How often WeChat was asked for one. */
export const tokenCalls = ({ simulator }: Stage) =>
  simulator.calls.filter(({ path }) => path === '/cgi-bin/stable_token').length;
