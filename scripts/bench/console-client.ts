import { Pool as Http } from 'undici';
import { asPerson } from '#src/console/server/http/transaction.js';
import { addUser } from '#src/console/server/sign-in/users.js';
import type { Lab } from './lab.ts';

const name = 'bench';
const password = 'a password for the benchmark';

export interface Answer {
  status: number;
  text: string;
  /** From the call to the last byte. */
  ms: number;
}

/** A browser that is signed in. */
export interface ConsoleClient {
  get(path: string): Promise<Answer>;
  post(path: string, body: unknown): Promise<Answer>;
  /** Opens a stream of events that is read, and closed with the client; resolves with its first event. */
  openStream(): Promise<void>;
  /** Events that all its streams have had. */
  readonly events: number;
  close(): Promise<void>;
}

/** Adds a user, and signs in as a person does. */
export async function signIn({ pool }: Lab, adminPort: number): Promise<ConsoleClient> {
  await pool.query('delete from wechat.console_user where name = $1', [name]);
  await asPerson(pool, 'bench', (client) =>
    addUser(client, { name, displayName: name, role: 'admin', password }),
  );
  const http = new Http(`http://127.0.0.1:${adminPort}`, { connections: 100, bodyTimeout: 0 });
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  const closing = new AbortController();
  let events = 0;

  async function call(method: 'GET' | 'POST', path: string, body?: unknown) {
    const startedAt = performance.now();
    const response = await http.request({
      ...{ method, path: `/console/api${path}`, headers },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.body.text();
    return {
      status: response.statusCode,
      text,
      ms: performance.now() - startedAt,
      headers: response.headers,
    };
  }

  async function openStream(): Promise<void> {
    const { statusCode, body } = await http.request({
      ...{ method: 'GET', path: '/console/api/live?conversations=1', headers, signal: closing.signal },
    });
    if (statusCode !== 200) throw new Error(`A stream of events was answered with ${statusCode}`);
    await new Promise<void>((resolve) => {
      body.on('data', (part: Buffer) => {
        events += part.toString('latin1').match(/^event: /gm)?.length ?? 0;
        resolve();
      });
      body.on('error', () => undefined);
    });
  }

  const signedIn = await call('POST', '/sign-in', { name, password });
  if (signedIn.status !== 204)
    throw new Error(`Sign-in was answered with ${signedIn.status}: ${signedIn.text}`);
  headers.cookie = [signedIn.headers['set-cookie'] ?? []]
    .flat()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
  const session = JSON.parse((await call('GET', '/session')).text) as { csrf: string };
  headers['x-csrf-token'] = session.csrf;

  return {
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    openStream,
    get events() {
      return events;
    },
    async close() {
      closing.abort();
      await http.destroy();
    },
  };
}
