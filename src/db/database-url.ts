import pg, { type ClientConfig } from 'pg';
import { asksForWrites, urlsOfHosts } from './hosts.js';

/**
 * The connection as pg takes it, to the first of the hosts where there are several (servers.ts knows which to take). The words of `sslmode` mean what they mean to psql: `require` encrypts without looking
 * at who the server is, `verify-full` checks it, by `sslrootcert` where that is given.
 */
export function clientConfigOf(databaseUrl: string): Pick<ClientConfig, 'connectionString'> {
  const [url = databaseUrl] = urlsOfHosts(databaseUrl) ?? [];
  const asPsql = /[?&]sslmode=/.test(url) && !/[?&]uselibpqcompat=/.test(url);
  return { connectionString: asPsql ? `${url}&uselibpqcompat=true` : url };
}

/**
 * The URL with a password of whatever characters in its place.
 *
 * @returns undefined where it has one already
 */
export function withPassword(databaseUrl: string, password: string): string | undefined {
  const [, scheme = '', user = '', rest = ''] =
    /^(postgres(?:ql)?:\/\/)(?:([^/?#]*)@)?(.*)$/s.exec(databaseUrl) ?? [];
  // Whatever else is wrong with it is told by the next.
  if (!scheme) return databaseUrl;
  const [name = '', ...given] = user.split(':');
  if (given.join(':') !== '' || /[?&]password=/.test(rest)) return undefined;
  return `${scheme}${name}:${encodeURIComponent(password)}@${rest}`;
}

/** What may be wrong with a DATABASE_URL. Nothing of it is quoted but one character: it holds a password. */
export type DatabaseUrlProblem =
  | { kind: 'form' }
  /** A character that a user or password may have only in its %-encoded form. */
  | { kind: 'unencoded'; character: string }
  /** It names no host, or no database. */
  | { kind: 'incomplete' }
  /** Not as many ports as hosts, or a host without a name. */
  | { kind: 'hosts' }
  /** It asks for a server that need not take writes. */
  | { kind: 'readOnly' }
  /** A % that begins no code. */
  | { kind: 'percent' }
  /** It names one that cannot be read; `cause` is the system's. */
  | { kind: 'certificate'; cause: string };

/** @returns undefined for one that can be used */
export function problemOfDatabaseUrl(databaseUrl: string): DatabaseUrlProblem | undefined {
  if (!/^postgres(ql)?:\/\//.test(databaseUrl)) return { kind: 'form' };
  const character = unencoded(databaseUrl);
  if (character) return { kind: 'unencoded', character };
  const urls = urlsOfHosts(databaseUrl);
  if (!urls) return { kind: 'hosts' };
  if (!asksForWrites(databaseUrl)) return { kind: 'readOnly' };
  try {
    // Reads the URL and the certificates that it names, and connects to nothing.
    const parsed = urls.map((url) => new pg.Client(clientConfigOf(url)));
    return parsed.every(({ database, host }) => database && host) ? undefined : { kind: 'incomplete' };
  } catch (error) {
    if (error instanceof URIError) return { kind: 'percent' };
    if (error instanceof Error && 'path' in error && 'code' in error)
      return { kind: 'certificate', cause: error.message };
    return { kind: 'form' };
  }
}

/**
 * A character that ends the part with user and password before its time, so that the rest is taken for host, path or
 * query. An @ there is none: the last one counts.
 */
function unencoded(databaseUrl: string): string | undefined {
  if (databaseUrl.includes('#')) return '#';
  const rest = databaseUrl.slice(databaseUrl.indexOf('://') + 3);
  const early = /[/?]/.exec(rest);
  if (!early) return undefined;
  const before = rest.slice(0, early.index);
  const after = rest.slice(early.index);
  // "user:pa" looks like a host and its port; but an @ follows, and a path has none.
  const path = /^[^?]*/.exec(after)?.[0] ?? '';
  const isEarly =
    path.includes('@') || (before.includes(':') && !before.includes('@') && after.includes('@'));
  return isEarly ? early[0] : undefined;
}
