import type { Readable } from 'node:stream';
import { Agent, type Dispatcher } from 'undici';
import { createAddressGuard, PrivateAddressError } from './address-guard.js';
import { describeError } from './describe-error.js';
import { createProxyAgent, type Proxies } from './proxies.js';

/** What came of asking for a URL. The body must be read or destroyed. */
export type WebOutcome =
  | { kind: 'opened'; contentType: string; length: number | undefined; caching: Caching; body: Readable }
  /** Asking again does not help: not there, or not allowed. */
  | { kind: 'refused'; problem: string }
  | { kind: 'transient'; problem: string };

/** What a response says about how long it holds, as sent; undefined where it says nothing. */
export interface Caching {
  cacheControl: string | undefined;
  etag: string | undefined;
  lastModified: string | undefined;
}

/**
 * Files from the web, whose URLs come from the reply logic and may in the end come from a user: http(s) only, and
 * never from an address of the inner network, whatever a name resolves to and wherever a redirect leads.
 *
 * Through a proxy, that is the proxy's to refuse: it resolves the names, and we never see to what. Addresses in URLs, and names
 * that have an inner address here too, are refused all the same, before it is asked.
 */
export interface Web {
  open(url: string, signal?: AbortSignal): Promise<WebOutcome>;
  /** Opens it only if it is another than the one of which `known` was said. */
  openIfChanged(
    url: string,
    known: Pick<Caching, 'etag' | 'lastModified'>,
    signal?: AbortSignal,
  ): Promise<WebOutcome | { kind: 'unchanged'; caching: Caching }>;
  destroy(): Promise<void>;
}

export interface WebOptions {
  allowPrivateAddresses: boolean;
  /** For the connection, for the response, and between two pieces of the body. */
  timeoutMs?: number;
  /** Undefined: there are none. */
  proxies?: Proxies | undefined;
  /** What this machine takes a name for, which a proxy may see otherwise; none where it does not know it. */
  addressesOf?: ((host: string) => Promise<readonly string[]>) | undefined;
}

const maxRedirects = 3;

const redirectStatuses = new Set([301, 302, 303, 307, 308]);

export function createWeb({
  allowPrivateAddresses,
  timeoutMs = 10_000,
  proxies,
  addressesOf,
}: WebOptions): Web {
  const guard = createAddressGuard({
    allowPrivateAddresses,
    setting: 'MEDIA_FROM_PRIVATE_ADDRESSES',
    timeoutMs,
    proxies,
    addressesOf,
  });
  const options: Agent.Options = {
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    // A connection a file: breaking one off breaks off no other.
    allowH2: false,
    connect: guard.connect,
  };
  const agent = proxies
    ? createProxyAgent(proxies, { ...options, connectTimeoutMs: timeoutMs, tunnelsHttp: false })
    : new Agent(options);

  /** Follows redirects, each as suspect as the URL itself. */
  async function ask(
    url: string,
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<Dispatcher.ResponseData | WebOutcome> {
    try {
      let next = new URL(url);
      for (let redirects = 0; ; redirects += 1) {
        const { origin, pathname, search, protocol } = next;
        if (!/^https?:$/.test(protocol)) return { kind: 'refused', problem: `${protocol} is not http(s)` };
        await guard.checkBeforeProxy(next);
        const response = await agent.request({
          ...{ origin, path: pathname + search, method: 'GET', signal: signal ?? null },
          headers: { ...headers },
        });
        const location = response.headers.location;
        if (!redirectStatuses.has(response.statusCode) || typeof location !== 'string') return response;
        if (redirects === maxRedirects) return response;
        await response.body.dump().catch(() => undefined);
        next = new URL(location, next);
      }
    } catch (error) {
      return describeFailure(error);
    }
  }

  return {
    async open(url, signal) {
      const response = await ask(url, {}, signal);
      return 'kind' in response ? response : read(response);
    },

    async openIfChanged(url, { etag, lastModified }, signal) {
      const response = await ask(
        url,
        {
          ...(etag === undefined ? {} : { 'if-none-match': etag }),
          ...(lastModified === undefined ? {} : { 'if-modified-since': lastModified }),
        },
        signal,
      );
      if ('kind' in response) return response;
      if (response.statusCode !== 304) return read(response);
      await response.body.dump().catch(() => undefined);
      return { kind: 'unchanged', caching: cachingOf(response.headers) };
    },

    destroy: () => agent.destroy(),
  };
}

async function read({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<WebOutcome> {
  if (statusCode !== 200) {
    await body.dump().catch(() => undefined);
    const passes = statusCode >= 500 || statusCode === 429 || statusCode === 408;
    return { kind: passes ? 'transient' : 'refused', problem: `HTTP ${statusCode}` };
  }
  const length = Number(headers['content-length'] ?? Number.NaN);
  return {
    kind: 'opened',
    contentType: String(headers['content-type'] ?? ''),
    length: Number.isNaN(length) ? undefined : length,
    caching: cachingOf(headers),
    body,
  };
}

function cachingOf(headers: Dispatcher.ResponseData['headers']): Caching {
  const text = (name: string) => {
    const value = headers[name];
    return typeof value === 'string' ? value : value?.join(', ');
  };
  return {
    cacheControl: text('cache-control'),
    etag: text('etag'),
    lastModified: text('last-modified'),
  };
}

function describeFailure(error: unknown): WebOutcome {
  if (error instanceof PrivateAddressError) return { kind: 'refused', problem: error.message };
  const problem = describeError(error);
  return { kind: error instanceof TypeError ? 'refused' : 'transient', problem };
}

/** Ends a body that nobody will read. It fails by that, which without a listener would end the process. */
export function discard(body: Readable): void {
  body.on('error', () => undefined).destroy();
}
