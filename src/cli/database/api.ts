import type { InboundMedia } from '../../accounts/inbound-media.js';
import type { Pool } from '../../db/pool.js';
import type { JsonValue } from '../../lib/json.js';
import type { JsonObject } from '../../wechat/out/client.js';
import type { CommandContext } from '../terminal/context.js';
import { UsageError } from '../terminal/usage-error.js';
import { withDatabase } from './session.js';

/** WeChat's API for one account, with the access token that all processes share. */
export interface Api {
  readonly appId: string;
  readonly pool: Pool;
  /** @throws WeChatCallError */
  call(method: 'GET' | 'POST', path: string, body?: JsonValue): Promise<JsonObject>;
  /** A file of WeChat's, by its media_id or its URL. @throws MediaError */
  open(source: string): Promise<InboundMedia>;
}

const fileTimeoutMs = 60_000;

/**
 * For commands that ask WeChat. The account's secret may be needed for a token, and so its settings.
 *
 * @param appId undefined: the only one
 */
export async function withApi<T>(
  context: CommandContext,
  appId: string | undefined,
  use: (api: Api) => Promise<T>,
): Promise<T> {
  const [
    { apiOptions, readConfig },
    { createClient },
    tokens,
    store,
    { createKysely },
    calls,
    media,
    { createWeb },
  ] = await Promise.all([
    import('../../config/settings.js'),
    import('../../wechat/out/client.js'),
    import('../../accounts/access-token.js'),
    import('../../accounts/credential-store.js'),
    import('../../db/kysely.js'),
    import('../../accounts/wechat-call.js'),
    import('../../accounts/inbound-media.js'),
    import('../../lib/web.js'),
  ]);
  const environment = context.environment();
  const config = readConfig({ ...environment, REPLIES: environment.REPLIES ?? 'unused.js' });
  const { api: words } = context.words.commands;
  const known = config.accounts.map((one) => one.appId);
  if (appId === undefined && known.length > 1) throw new UsageError(words.severalAccounts(known.join(', ')));
  const account = config.accounts.find((one) => one.appId === (appId ?? known[0]));
  if (!account) throw new UsageError(words.notInSettings(String(appId)));
  const client = createClient(apiOptions(config));
  const { mediaFromPrivateAddresses, proxies } = config;
  const web = createWeb({ allowPrivateAddresses: mediaFromPrivateAddresses, proxies });
  const { signal } = new AbortController();
  try {
    return await withDatabase(context, async (pool) => {
      const accessTokens = tokens.createAccessTokens({
        store: store.createCredentialStore(createKysely(pool)),
        fetchToken: client.fetchToken,
        clock: () => new Date(),
      });
      const way = { clientOf: () => client, tokens: accessTokens };
      const wechatCall = calls.createWeChatCall(way);
      const openMedia = media.createInboundMedia({ ...way, web });
      return await use({
        appId: account.appId,
        pool,
        call: (method, path, body) => wechatCall(account, { method, path, body }, signal),
        async open(source) {
          const signal = AbortSignal.timeout(fileTimeoutMs);
          if (!/^https?:/i.test(source)) return openMedia(account, source, { signal });
          const opened = await web.open(source, signal);
          if (opened.kind !== 'opened') throw new media.MediaError(source, opened.problem);
          const { contentType, length, body } = opened;
          return { contentType, filename: undefined, length, stream: body };
        },
      });
    });
  } finally {
    await client.destroy();
    await web.destroy();
  }
}
