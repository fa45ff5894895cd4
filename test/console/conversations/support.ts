import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { createAccessTokens } from '../../../src/accounts/access-token.js';
import { createCredentialStore } from '../../../src/accounts/credential-store.js';
import {
  type ConversationRoutesDependencies,
  createConversationRoutes,
} from '../../../src/console/server/conversations/routes.js';
import { createKysely } from '../../../src/db/kysely.js';
import { createPool } from '../../../src/db/pool.js';
import { createWeb } from '../../../src/lib/web.js';
import { createClients } from '../../../src/sending/clients.js';
import type { Simulator } from '../../../src/simulator/index.js';
import { createClient } from '../../../src/wechat/out/client.js';
import { serveArea } from '../../support/area.js';
import type { TestDatabase } from '../../support/database.js';
import { newAccount, type TestAccount } from '../../support/service.js';

/** JSON of any kind: a test says what it expects of it. */
type Body = ReturnType<typeof JSON.parse>;

/** The routes as a browser reaches them, with nobody in front who could refuse. */
export interface Api {
  /** The body of a response, which must have this status. */
  get(path: string, status?: number): Promise<Body>;
  post(path: string, body?: unknown, status?: number): Promise<Body>;
  ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: Body }>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** The same as somebody else. */
  as(name: string): Api;
}

export interface MountOptions {
  database: TestDatabase;
  account?: TestAccount;
  simulator?: Simulator;
  overrides?: Partial<ConversationRoutesDependencies>;
  /** Each route that was asked for says its right here. */
  rights?: string[];
}

/** `anna` is signed in. */
export async function mount(options: MountOptions): Promise<Api> {
  const { url, close } = await serveArea(createConversationRoutes(dependenciesOf(options)));
  onTestFinished(close);
  return createApi(`${url}/`, 'anna');
}

function dependenciesOf({ database, account = newAccount(), simulator, overrides, rights }: MountOptions) {
  const pool = createPool({
    connectionString: database.url,
    name: 'console',
    max: 4,
    statementTimeoutMs: 5_000,
    lockTimeoutMs: 1_000,
    onError: () => undefined,
  });
  const apiBase = simulator?.apiBase ?? 'http://127.0.0.1:9';
  const clients = createClients({
    create: ({ connections }) => createClient({ apiBase, connections }),
    sendConcurrency: 1,
  });
  const web = createWeb({ allowPrivateAddresses: true });
  onTestFinished(async () => {
    await clients.destroy();
    await web.destroy();
    await pool.end();
  });
  const clock = () => new Date();
  const tokens = createAccessTokens({
    store: createCredentialStore(createKysely(pool)),
    fetchToken: clients.tokens.fetchToken,
    clock,
  });
  const dependencies: ConversationRoutesDependencies = {
    ...{ pool, clients, tokens, web, clock },
    accounts: [account],
    handoverIdleMinutes: 30,
    requires: (right) => (_ctx, next) => {
      rights?.push(right);
      return next();
    },
    log: pino({ level: 'silent' }),
    ...overrides,
  };
  return dependencies;
}

function createApi(base: string, name: string): Api {
  const request = (path: string, init: RequestInit = {}) =>
    fetch(new URL(path, base), { ...init, headers: { 'x-test-user': name, ...init.headers } });

  async function ask(method: string, path: string, body?: unknown) {
    const isForm = body instanceof FormData;
    const response = await request(path, {
      method,
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
      headers: body === undefined || isForm ? {} : { 'content-type': 'application/json' },
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  async function expected(method: string, path: string, body: unknown, status: number) {
    const answer = await ask(method, path, body);
    if (answer.status !== status)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}, not ${status}`);
    return answer.body;
  }

  return {
    ask,
    get: (path, status = 200) => expected('GET', path, undefined, status),
    post: (path, body = {}, status = 200) => expected('POST', path, body, status),
    fetch: request,
    as: (other) => createApi(base, other),
  };
}
