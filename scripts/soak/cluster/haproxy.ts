import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { freePorts } from '../../free-ports.ts';
import { programs, type ServerUser, startServer } from './programs.ts';

export interface Backend {
  name: string;
  port: number;
  /** Of Patroni's REST API, which knows who leads. */
  restPort: number;
}

/** As docs/high-availability.md shows it: one address that leads to whoever Patroni says is the leader. */
const configOf = (port: number, backends: readonly Backend[]) => `
global
  maxconn 1000
defaults
  mode tcp
  timeout connect 2s
  timeout check 2s
  timeout client 1h
  timeout server 1h
listen leader
  bind 127.0.0.1:${port}
  option httpchk OPTIONS /primary
  http-check expect status 200
  # Who is no leader any more is cut off from its clients, and they from it.
  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
${backends.map(({ name, port: of, restPort }) => `  server ${name} 127.0.0.1:${of} check port ${restPort}`).join('\n')}
`;

export interface HAProxy {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startHAProxy({
  directory,
  logs,
  user,
  backends,
}: {
  directory: string;
  logs: string;
  user: ServerUser;
  backends: readonly Backend[];
}): Promise<HAProxy> {
  const port = await freePorts(1);
  const file = path.join(directory, 'haproxy.cfg');
  await writeFile(file, configOf(port, backends), { mode: 0o644 });
  const server = startServer({
    program: programs.haproxy,
    user,
    logFile: path.join(logs, 'haproxy.log'),
    args: ['-db', '-f', file],
  });
  return { port, stop: server.stop };
}
