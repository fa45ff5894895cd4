import ipaddr from 'ipaddr.js';
import type Koa from 'koa';
import type { ConsoleConfig } from '../../config/console.js';

/** Where a request comes from. What proxies say of that is believed of those alone that are trusted. */
export interface Browser {
  /** The address of the browser, as text; IPv4 where it is IPv4. */
  address(ctx: Koa.Context): string;
  /** Whether the browser speaks https. */
  isSecure(ctx: Koa.Context): boolean;
  /** Whether our own page sent it, and not another one in the same browser. What is no browser passes. */
  isOwnPage(ctx: Koa.Context): boolean;
  /** Whom a trusted proxy says it is. */
  userByHeader(ctx: Koa.Context): string | undefined;
}

export function createBrowser({ url, trustedProxies, trustedHeader }: ConsoleConfig): Browser {
  const ranges = trustedProxies.map((range) => ipaddr.parseCIDR(range));
  const publicOrigin = url === undefined ? undefined : new URL(url).origin;

  function isTrusted(address: string): boolean {
    if (!ipaddr.isValid(address)) return false;
    const parsed = ipaddr.process(address);
    return ranges.some((range) => parsed.kind() === range[0].kind() && parsed.match(range));
  }

  const comesByProxy = (ctx: Koa.Context) => isTrusted(peerOf(ctx));

  /** The last that a trusted one names and that is none of them: whatever stands before it may be made up. */
  function address(ctx: Koa.Context): string {
    const hops = [...ctx.get('x-forwarded-for').split(','), peerOf(ctx)].map((hop) => hop.trim());
    for (let index = hops.length - 1; index > 0; index -= 1) {
      const hop = hops[index] ?? '';
      if (!isTrusted(hop) || !ipaddr.isValid(hops[index - 1] ?? '')) return plain(hop);
    }
    return plain(hops[0] || peerOf(ctx));
  }

  function isOwnPage(ctx: Koa.Context): boolean {
    const [origin, site] = [ctx.get('origin'), ctx.get('sec-fetch-site')];
    // Browsers alone send it, no page can set it, and no proxy changes it.
    if (site !== '') return site === 'same-origin';
    if (origin === '') return true;
    if (publicOrigin !== undefined) return origin === publicOrigin;
    const host = (comesByProxy(ctx) && ctx.get('x-forwarded-host')) || ctx.get('host');
    return origin === `http://${host}` || origin === `https://${host}`;
  }

  return {
    address,
    isSecure: (ctx) =>
      publicOrigin?.startsWith('https:') ||
      (comesByProxy(ctx) && ctx.get('x-forwarded-proto').split(',')[0]?.trim() === 'https'),
    isOwnPage,
    userByHeader(ctx) {
      if (trustedHeader === undefined || !comesByProxy(ctx)) return undefined;
      // Node reads headers byte by byte; names may be Chinese.
      const name = Buffer.from(ctx.get(trustedHeader), 'latin1').toString('utf8').trim();
      return name === '' ? undefined : name;
    },
  };
}

const peerOf = ({ req }: Koa.Context) => plain(req.socket.remoteAddress ?? '');

const plain = (address: string) => (ipaddr.isValid(address) ? ipaddr.process(address).toString() : address);
