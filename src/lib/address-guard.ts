import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns';
import * as dns from 'node:dns/promises';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { buildConnector } from 'undici';
import type { Proxies } from './proxies.js';

export class PrivateAddressError extends Error {
  readonly code = 'PRIVATE_ADDRESS';
  constructor(host: string, address: string, setting: string) {
    super(`${host} is at ${address}, which is no public address (setting ${setting})`);
    this.name = 'PrivateAddressError';
  }
}

export interface AddressGuardOptions {
  allowPrivateAddresses: boolean;
  /** The setting that allows them, for who reads the error. */
  setting: string;
  /** For the connection. */
  timeoutMs: number;
  /** Undefined: there are none. */
  proxies: Proxies | undefined;
  /** What this machine takes a name for, which a proxy may see otherwise; none where it does not know it. */
  addressesOf?: ((host: string) => Promise<readonly string[]>) | undefined;
}

/** Keeps what is asked of the web away from the inner network, whatever a name resolves to. */
export interface AddressGuard {
  readonly connect: buildConnector.connector;
  /**
   * Through a proxy a name is resolved there: this looks at what it is here, beforehand.
   *
   * @throws PrivateAddressError
   */
  checkBeforeProxy(url: URL): Promise<void>;
}

export function createAddressGuard({
  allowPrivateAddresses,
  setting,
  timeoutMs,
  proxies,
  addressesOf = resolveHere,
}: AddressGuardOptions): AddressGuard {
  const connect = buildConnector({
    timeout: timeoutMs,
    allowH2: false,
    lookup: allowPrivateAddresses ? lookup : publicLookup(setting),
  });

  return {
    connect(options, callback) {
      // An address in the URL is not looked up.
      const host = bare(options.hostname);
      if (!allowPrivateAddresses && isIP(host) && !isPublic(host)) {
        callback(new PrivateAddressError(host, host, setting), null);
        return;
      }
      connect(options, callback);
    },

    async checkBeforeProxy({ hostname }) {
      if (!proxies || allowPrivateAddresses) return;
      const host = bare(hostname);
      const addresses = isIP(host) ? [host] : await addressesOf(host);
      const hidden = addresses.find((address) => !isPublic(address));
      if (hidden !== undefined) throw new PrivateAddressError(host, hidden, setting);
    },
  };
}

const bare = (hostname: string) => hostname.replace(/^\[|\]$/g, '');

async function resolveHere(host: string): Promise<readonly string[]> {
  const found = await dns.lookup(host, { all: true }).catch(() => []);
  return found.map(({ address }) => address);
}

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/** Resolves a name only if all its addresses are public: the connection is made to what was checked. */
function publicLookup(setting: string) {
  return (hostname: string, options: object, callback: LookupCallback): void => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const [first] = addresses;
      const hidden = addresses.find(({ address }) => !isPublic(address));
      if (hidden || !first)
        return callback(new PrivateAddressError(hostname, hidden?.address ?? 'none', setting), []);
      if ('all' in options && options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

/** Whether a URL names a host of the inner network by itself, before anything is resolved. */
export function namesPrivateAddress({ hostname }: URL): boolean {
  const host = bare(hostname);
  return isIP(host) ? !isPublic(host) : /(^|\.)localhost$/i.test(host);
}

/** Unicast on the open internet: not private, loopback, link-local (cloud metadata), carrier NAT, or one mapped to such. */
function isPublic(address: string): boolean {
  // An IPv4 address inside an IPv6 one counts as what it is.
  return ipaddr.process(address).range() === 'unicast';
}
