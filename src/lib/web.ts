import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import ipaddr from 'ipaddr.js';
import { Agent, buildConnector, type Dispatcher, interceptors } from 'undici';

/** What came of asking for a URL. The body must be read or destroyed. */
export type WebOutcome =
  | { kind: 'opened'; contentType: string; length: number | undefined; body: Readable }
  /** Asking again does not help: not there, or not allowed. */
  | { kind: 'refused'; problem: string }
  | { kind: 'transient'; problem: string };

/**
 * Files from the web, whose URLs come from the reply logic and may in the end come from a user: http(s) only, and
 * never from an address of the inner network, whatever a name resolves to and wherever a redirect leads.
 */
export interface Web {
  open(url: string, signal?: AbortSignal): Promise<WebOutcome>;
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
    allowH2: false,
    lookup: allowPrivateAddresses ? lookup : publicLookup,
  });
  const agent = new Agent({
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    // A connection a file: breaking one off breaks off no other.
    allowH2: false,
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

  return {
    async open(url, signal) {
      try {
        const { origin, pathname, search, protocol } = new URL(url);
        if (!/^https?:$/.test(protocol)) return { kind: 'refused', problem: `${protocol} is not http(s)` };
        const path = pathname + search;
        return await read(await dispatcher.request({ origin, path, method: 'GET', signal: signal ?? null }));
      } catch (error) {
        return describeFailure(error);
      }
    },
    destroy: () => agent.destroy(),
  };
}

async function read({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<WebOutcome> {
  if (statusCode !== 200) {
    await body.dump();
    const passes = statusCode >= 500 || statusCode === 429 || statusCode === 408;
    return { kind: passes ? 'transient' : 'refused', problem: `HTTP ${statusCode}` };
  }
  const length = Number(headers['content-length'] ?? Number.NaN);
  return {
    kind: 'opened',
    contentType: String(headers['content-type'] ?? ''),
    length: Number.isNaN(length) ? undefined : length,
    body,
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
