import { fileURLToPath } from 'node:url';

export interface SimulatedAccount {
  appId: string;
  appSecret: string;
  token: string;
}

/** Of a service for a simulated account, with the reply logic beside this file, at ports that are free. */
export function settingsFor({
  account,
  databaseUrl,
  apiBase,
}: {
  account: SimulatedAccount;
  databaseUrl: string;
  apiBase: string;
}): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    HOST: '127.0.0.1',
    PORT: '0',
    ADMIN_PORT: '0',
    WECHAT_APP_ID: account.appId,
    WECHAT_APP_SECRET: account.appSecret,
    WECHAT_TOKEN: account.token,
    WECHAT_API_BASE: apiBase,
    REPLIES: fileURLToPath(new URL('replies.js', import.meta.url)),
  };
}
