import type { WeChatClient } from '../wechat/out/client.js';

/**
 * The connections to WeChat. Each account has its own for sends, as many as it has slots: so none waits for another account,
 * and a call that has its slot is written at once and waits in no queue behind its leave. Uploads, downloads and the typing
 * indicator of an account have others, and tokens have theirs, which no account can use up.
 */
export interface SendClients {
  sends(appId: string): Pick<WeChatClient, 'sendMessage'>;
  others(
    appId: string,
  ): Pick<
    WeChatClient,
    'uploadMedia' | 'downloadMedia' | 'setTyping' | 'createSession' | 'fetchQuota' | 'call'
  >;
  readonly tokens: Pick<WeChatClient, 'fetchToken' | 'fetchJsapiTicket'>;
  /** Breaks off what is under way. */
  destroy(): Promise<void>;
}

export interface SendClientsOptions {
  create(options: { connections: number }): WeChatClient;
  /** Sends at once, for each account. */
  sendConcurrency: number;
}

/** For each account. A download may last as long as the reply logic reads it. */
const otherConnections = 64;

/** One call at a time for each account: enough for many. */
const tokenConnections = 256;

/** A client is made when it is first asked for: most processes serve few of many accounts at a time. */
export function createClients({ create, sendConcurrency }: SendClientsOptions): SendClients {
  const made = new Map<string, WeChatClient>();
  let isDestroyed = false;

  function obtain(name: string, connections: number): WeChatClient {
    let client = made.get(name);
    if (!client) {
      client = create({ connections });
      made.set(name, client);
      // Who is late gets one that says that it is closed.
      if (isDestroyed) void client.destroy();
    }
    return client;
  }

  return {
    sends: (appId) => obtain(`sends ${appId}`, sendConcurrency),
    others: (appId) => obtain(`others ${appId}`, otherConnections),
    get tokens() {
      return obtain('tokens', tokenConnections);
    },
    async destroy() {
      isDestroyed = true;
      await Promise.all([...made.values()].map((client) => client.destroy()));
    },
  };
}
