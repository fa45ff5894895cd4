import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import ipaddr from 'ipaddr.js';
import { Agent, buildConnector, type Dispatcher, interceptors } from 'undici';

/** What came of asking for a URL. The body must be read or destroyed. */
export type WebOutcome =
  | { kind: 'opened'; contentType: string; length: number | undefined; caching: Caching; body: Readable }
  /** Asking again does not help: not there, or not allowed. */
  | { kind: 'refused'; problem: string }
  | { kind: 'transient'; problem: string };

/** What an answer says about how long it holds, as sent; undefined where it says nothing. */
export interface Caching {
  cacheControl: string | undefined;
  etag: string | undefined;
  lastModified: string | undefined;
}

/**
 * Files from the web, whose URLs come from the reply logic and may in the end come from a user: http(s) only, and
 * never from an address of the inner network, whatever a name resolves to and wherever a redirect leads.
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
  /** For the connection, for the answer, and between two pieces of the body. */
  timeoutMs?: number;
}

const maxRedirects = 3;

class PrivateAddressError extends Error {
  readonly code = 'PRIVATE_ADDRESS';
  constructor(host: string, address: string) {
    super(`${host} is at ${address}, which is no public address (setting MEDIA_FROM_PRIVATE_ADDRESSES)`);
    this.name = 'PrivateAddressError';
  }
}

export function createWeb({ allowPrivateAddresses, timeoutMs = 10_000 }: WebOptions): Web {
  const connect = buildConnector({
    timeout: timeoutMs,
    lookup: allowPrivateAddresses ? lookup : publicLookup,
  });
  const agent = new Agent({
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    // Asked anew for each hop of a redirect; a bare address is never looked up, so it is checked here.
    connect(options, callback) {
      const host = options.hostname.replace(/^\[|\]$/g, '');
      if (!allowPrivateAddresses && isIP(host) && !isPublic(host)) {
        callback(new PrivateAddressError(host, host), null);
        return;
      }
      connect(options, callback);
    },
  });
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: maxRedirects }));

  async function ask(
    url: string,
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<Dispatcher.ResponseData | WebOutcome> {
    try {
      const { origin, pathname, search, protocol } = new URL(url);
      if (!/^https?:$/.test(protocol)) return { kind: 'refused', problem: `${protocol} is not http(s)` };
      const path = pathname + search;
      return await dispatcher.request({ origin, path, method: 'GET', headers, signal: signal ?? null });
    } catch (error) {
      return describeFailure(error);
    }
  }

  return {
    async open(url, signal) {
      const answer = await ask(url, {}, signal);
      return 'kind' in answer ? answer : read(answer);
    },

    async openIfChanged(url, { etag, lastModified }, signal) {
      const answer = await ask(
        url,
        {
          ...(etag === undefined ? {} : { 'if-none-match': etag }),
          ...(lastModified === undefined ? {} : { 'if-modified-since': lastModified }),
        },
        signal,
      );
      if ('kind' in answer) return answer;
      if (answer.statusCode !== 304) return read(answer);
      await answer.body.dump().catch(() => undefined);
      return { kind: 'unchanged', caching: cachingOf(answer.headers) };
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
  const problem = error instanceof Error ? error.message : String(error);
  return { kind: error instanceof TypeError ? 'refused' : 'transient', problem };
}

/** Resolves a name only if all its addresses are public: the connection is made to what was checked. */
function publicLookup(
  hostname: string,
  options: object,
  callback: (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void,
): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, []);
    const [first] = addresses;
    const hidden = addresses.find(({ address }) => !isPublic(address));
    if (hidden || !first) return callback(new PrivateAddressError(hostname, hidden?.address ?? 'none'), []);
    if ('all' in options && options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
}

/** Ends a body that nobody will read. It fails by that, which without a listener would end the process. */
export function discard(body: Readable): void {
  body.on('error', () => undefined).destroy();
}

/** Unicast on the open internet: not private, loopback, link-local (cloud metadata), carrier NAT, or one mapped to such. */
function isPublic(address: string): boolean {
  // An IPv4 address inside an IPv6 one counts as what it is.
  return ipaddr.process(address).range() === 'unicast';
}
