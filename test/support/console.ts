import Koa from 'koa';
import { onTestFinished } from 'vitest';
import { readConfig } from '../../src/config/settings.js';
import type { Role } from '../../src/console/contract/rights.js';
import type { SessionView } from '../../src/console/contract/session.js';
import type { Area } from '../../src/console/server/area.js';
import { asPerson } from '../../src/console/server/http/transaction.js';
import { createConsole } from '../../src/console/server/server.js';
import { createSessions, sessionLimits } from '../../src/console/server/sign-in/sessions.js';
import { addUser } from '../../src/console/server/sign-in/users.js';
import { createPool, type Pool } from '../../src/db/pool.js';
import { serve } from '../../src/lib/serve.js';
import { createLogger } from '../../src/observe/log.js';
import type { ConsoleParts } from '../../src/service/console.js';
import type { TestDatabase } from './database.js';

export interface TestConsole {
  /** Without a slash at its end. */
  url: string;
  /** The log's lines so far. */
  logged: readonly Record<string, unknown>[];
  pool: Pool;
  /** A browser that has not been here before. */
  visitor(headers?: Record<string, string>): Visitor;
  /** Somebody who signs in by `testPassword`. */
  addUser(name: string, role: Role): Promise<void>;
  /** A browser in which somebody of this role is signed in; without a password, which takes its time. */
  signedIn(role: Role, name?: string): Promise<Visitor>;
  /** Tells it what `startApp` would, once the port listens. */
  started(): Promise<void>;
}

export interface TestConsoleOptions {
  settings?: Record<string, string>;
  areas?: readonly Area[];
  webDirectory?: string;
  /** What areas get beside the pool. */
  parts?: Partial<ConsoleParts>;
}

export const testPassword = 'correct horse battery';

const needed = {
  WECHAT_APP_ID: 'wx0123456789abcdef',
  WECHAT_APP_SECRET: '0'.repeat(32),
  WECHAT_TOKEN: 'token',
  REPLIES: './replies.js',
};

/** The console on a port of its own, without the service around it. */
export async function startConsole(
  database: TestDatabase,
  { settings = {}, areas = [], webDirectory = '/nowhere', parts = {} }: TestConsoleOptions = {},
): Promise<TestConsole> {
  const config = readConfig({ ...needed, ...settings });
  const logged: Record<string, unknown>[] = [];
  const log = createLogger('debug', {
    write: (line) => {
      logged.push(JSON.parse(String(line)));
    },
  });
  const pool = createPool({
    ...{ connectionString: database.url, name: 'console', max: 4, statementTimeoutMs: 5_000 },
    onError: () => undefined,
  });
  const path = config.console.path ?? '/console';
  const made = createConsole(
    // What only areas use is theirs to give.
    { config, pool, log, clock: () => new Date(), ...parts } as ConsoleParts,
    { path, webDirectory, version: '1.2.3', areas },
  );
  const app = new Koa();
  app.use(made.middleware);
  const { port: wanted } = new URL(config.console.url ?? 'http://127.0.0.1:0');
  const server = await serve(app, { host: '127.0.0.1', port: Number(wanted || 0) });
  onTestFinished(async () => {
    await made.stop();
    await server.close();
    await pool.end();
  });
  const url = `http://127.0.0.1:${server.port}${path}`;
  const visitor = (headers = {}) => new Visitor(url, headers);
  return {
    ...{ url, logged, pool, visitor },
    started: () => made.started(server.port),
    async addUser(name, role) {
      const user = { name, displayName: name, role, password: testPassword };
      await asPerson(pool, 'test', (client) => addUser(client, user));
    },
    async signedIn(role, name = `${role}-of-test`) {
      const user = { name, displayName: name, role, password: undefined };
      await asPerson(pool, 'test', (client) => addUser(client, user));
      const person = visitor();
      const session = { name, via: 'password', address: '127.0.0.1' } as const;
      person.cookies.set('wechat_console', await createSessions(pool, sessionLimits).begin(session));
      await person.session();
      return person;
    },
  };
}

/** A browser: it keeps cookies, and sends the CSRF token that it was given last. */
export class Visitor {
  readonly cookies = new Map<string, string>();
  csrf = '';

  constructor(
    readonly base: string,
    readonly headers: Record<string, string>,
  ) {}

  /** Redirects are not followed. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const url = /^https?:/.test(path) ? path : `${this.base}/${path}`;
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, {
      redirect: 'manual',
      ...init,
      headers: {
        ...this.headers,
        ...(cookie ? { cookie } : {}),
        ...(init.headers as Record<string, string>),
      },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch(`api/${path}`, { headers });
  }

  send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return this.fetch(`api/${path}`, {
      method,
      headers: { 'x-csrf-token': this.csrf, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async session(): Promise<SessionView> {
    const view = (await (await this.get('session')).json()) as SessionView;
    this.csrf = view.csrf ?? '';
    return view;
  }

  async signIn(name: string, password = testPassword): Promise<Response> {
    const answer = await this.send('POST', 'sign-in', { name, password });
    if (answer.status === 204) await this.session();
    return answer;
  }
}
