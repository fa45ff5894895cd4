import { type Agent, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import { describeError } from './describe-error.js';

/** The proxies of the environment, as every program has them. Empty: none. */
export interface Proxies {
  /** For http, and for https where that has none. */
  http: string;
  https: string;
  /** Hosts that are asked directly, and all below them: `example.com, .inner.example:8080`; `*` for all. */
  none: string;
}

/** `connect` is for hosts that no proxy stands before. */
export interface ProxiesOptions extends Omit<Agent.Options, 'factory'> {
  /** For the connection to the proxy, for its answer, and for TLS with the server behind it. */
  connectTimeoutMs: number;
  /** Whether plain http is tunnelled as well, or asked of the proxy; many tunnel to port 443 alone. */
  tunnelsHttp: boolean;
}

/** As every program has it: what runs on this machine is not asked of another. */
const loopback = 'localhost, 127.0.0.1, [::1]';

/** Kept connections through the proxies, or directly, as they say. */
export function createProxyAgent(
  { http, https, none }: Proxies,
  { connectTimeoutMs, tunnelsHttp, ...options }: ProxiesOptions,
): Dispatcher {
  return new EnvHttpProxyAgent({
    ...options,
    // None of them may be undefined: it would look into the environment by itself.
    httpProxy: http,
    httpsProxy: https,
    noProxy: none.trim() === '*' ? '*' : `${none}, ${loopback}`,
    proxyTunnel: tunnelsHttp,
    proxyTls: { timeout: connectTimeoutMs },
    requestTls: { timeout: connectTimeoutMs },
    clientFactory: (proxy, given) => createProxyPool(proxy, { ...given, headersTimeout: connectTimeoutMs }),
  });
}

class ProxyError extends Error {
  readonly code = 'PROXY';
  constructor({ host }: URL, cause: unknown) {
    super(`the proxy ${host} opened no way: ${describeError(cause)}`, { cause });
    this.name = 'ProxyError';
  }
}

/** Fails by an error that names the proxy; undici takes one of a socket's for a reason to try for ever. */
function createProxyPool(proxy: URL, options: Pool.Options): Pool {
  const pool = new Pool(proxy.origin, options);
  const connect = pool.connect.bind(pool);
  // It is called in this one of its ways.
  const named = (options: Dispatcher.ConnectOptions<null>) =>
    connect(options).catch((error: unknown) => {
      throw new ProxyError(proxy, error);
    });
  pool.connect = named as Pool['connect'];
  return pool;
}
