/** The parts of a DATABASE_URL; the last @ before the path ends the user. */
const form = /^(?<start>postgres(?:ql)?:\/\/(?:[^/?#]*@)?)(?<hosts>[^/?#@]*)(?<rest>.*)$/s;

/** What we ask of a server: that it takes writes. The words that ask for less are none for a service that stores. */
const accepted = new Set(['read-write', 'primary']);

/**
 * For each host that the URL names, the URL with that one alone: `postgres://one:5432,two:5433/wechat`, or
 * `postgres:///wechat?host=one,two&port=5432,5433`, as psql takes them. pg itself knows one host.
 *
 * @returns undefined where there are not as many ports as hosts, or an empty name among them
 */
export function urlsOfHosts(databaseUrl: string): string[] | undefined {
  const { start = '', hosts = '', rest = '' } = form.exec(databaseUrl)?.groups ?? {};
  const named = parameter(rest, 'host')?.split(',');
  const ports = parameter(rest, 'port')?.split(',') ?? [];
  const all = named ?? hosts.split(',');
  if (all.length === 1 && ports.length < 2) return [databaseUrl];
  if (all.includes('') || (ports.length > 1 && ports.length !== all.length)) return undefined;
  return all.map((host, nth) => {
    const port = ports[nth] ?? ports[0];
    const query = port === undefined ? rest : withParameter(rest, 'port', port);
    return named ? `${start}${hosts}${withParameter(query, 'host', host)}` : `${start}${host}${query}`;
  });
}

/** Whether the URL asks for a server that takes writes, or leaves it to us. */
export function asksForWrites(databaseUrl: string): boolean {
  const wanted = parameter(databaseUrl, 'target_session_attrs');
  return wanted === undefined || accepted.has(wanted);
}

function parameter(url: string, name: string): string | undefined {
  const start = url.indexOf('?');
  return start < 0 ? undefined : (new URLSearchParams(url.slice(start + 1)).get(name) ?? undefined);
}

function withParameter(url: string, name: string, value: string): string {
  return url.replace(
    new RegExp(`([?&]${name}=)[^&]*`),
    (_, before) => `${before}${encodeURIComponent(value)}`,
  );
}
