import { createAccountState } from './accounts.js';
import { startApi } from './api.js';
import type { PushSettings } from './body.js';
import { createDeliveries, type DeliveredPredicate, type Expected } from './deliveries.js';
import { createFaults, type Faults } from './faults.js';
import { createPlatform } from './platform.js';
import { createRoutes } from './routes.js';
import { createTokens, type TokenControls } from './tokens.js';
import type { ApiCall, DeliveredMessage, Notice, PushResult, SimulatedAccount } from './types.js';
import type { SimulatedUser } from './user.js';
import { createUsers } from './users.js';

export interface SimulatorOptions {
  account: SimulatedAccount;
  /** 0, the default, takes any free port; always on loopback. */
  port?: number;
  /** May also be set later. */
  webhookUrl?: string;
  /** As in the console: `plaintext` and `xml` by default. */
  mode?: PushSettings['mode'];
  format?: PushSettings['format'];
  /** How long a push waits for its answer; 5,000 by default, as WeChat. */
  pushTimeoutMs?: number;
  /** Pause between the tries of a push; 0 by default: the time-out alone spaces them. */
  retryDelayMs?: number;
  /** 7,200 by default, as WeChat. */
  tokenLifetimeSeconds?: number;
  /** Milliseconds, as Date.now gives them. Rules go by it; time-outs and delays go by real time. */
  clock?: () => number;
}

/** A WeChat to play with: its API, its pushes, and its users. */
export interface Simulator {
  /** For WECHAT_API_BASE. */
  readonly apiBase: string;
  readonly faults: Faults;
  readonly tokens: TokenControls;
  /** Every call of the API, in order, faulted ones included. */
  readonly calls: readonly ApiCall[];
  /** Every message that reached a user, in order. */
  readonly delivered: readonly DeliveredMessage[];
  setWebhookUrl(url: string): void;
  user(openid: string): SimulatedUser;
  /** What this user received so far. */
  inboxOf(openid: string): DeliveredMessage[];
  /**
   * Resolves once the user has received `count` messages in all, with these; for a predicate, once it is true of
   * everything delivered so far, with all of that. Time is up after 20 s, unless told otherwise.
   *
   * @throws Error saying what did arrive, when time is up or the simulator is closed
   */
  waitForDelivered(
    wanted: DeliveredPredicate | Expected,
    options?: { timeoutMs?: number },
  ): Promise<DeliveredMessage[]>;
  waitForDelivered(openid: string, count: number, timeoutMs?: number): Promise<DeliveredMessage[]>;
  /** @returns how to stop listening, as the other two do */
  onDelivered(listener: (message: DeliveredMessage) => void): () => void;
  /** A push is over, acknowledged or not. */
  onPush(listener: (result: PushResult) => void): () => void;
  /** A user was told that the account is out of service. */
  onNotice(listener: (notice: Notice) => void): () => void;
  /** The GET handshake that the console makes when the owner saves the URL; rejects when nothing answers. */
  checkServer(): Promise<{ status: number; body: string; ok: boolean }>;
  /** Breaks off calls and pushes under way; nothing is delivered afterwards. */
  close(): Promise<void>;
}

const defaultWaitMs = 20_000;

export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { account, clock = Date.now } = options;
  let webhookUrl = options.webhookUrl;
  const calls: ApiCall[] = [];
  const state = createAccountState(account, clock);
  const accounts = new Map([[account.appId, state]]);
  const deliveries = createDeliveries();
  const faults = createFaults();
  const tokens = createTokens([account], options.tokenLifetimeSeconds ?? 7_200, clock);
  const api = await startApi({
    port: options.port ?? 0,
    routes: createRoutes({ accounts, tokens, clock, deliver: deliveries.add }),
    faults,
    clock,
    onCall: (call) => calls.push(call),
  });
  const platform = createPlatform({
    account,
    webhookUrl() {
      if (webhookUrl === undefined) throw new Error('The simulator has no webhook URL: call setWebhookUrl');
      return webhookUrl;
    },
    pushTimeoutMs: options.pushTimeoutMs ?? 5_000,
    retryDelayMs: options.retryDelayMs ?? 0,
    clock,
  });
  const settings = { mode: options.mode ?? 'plaintext', format: options.format ?? 'xml' } as const;
  const users = createUsers({ account: state, platform, settings, clock });

  function waitForDelivered(
    wanted: string | DeliveredPredicate | Expected,
    second: number | { timeoutMs?: number } = {},
    third?: number,
  ): Promise<DeliveredMessage[]> {
    if (typeof wanted === 'string') {
      const count = typeof second === 'number' ? second : 1;
      return deliveries.waitFor({ openid: wanted, count }, third ?? defaultWaitMs);
    }
    const timeoutMs = typeof second === 'number' ? second : second.timeoutMs;
    return deliveries.waitFor(wanted, timeoutMs ?? defaultWaitMs);
  }

  return {
    apiBase: api.base,
    faults,
    tokens,
    calls,
    delivered: deliveries.all,
    setWebhookUrl(url) {
      webhookUrl = url;
    },
    user: users.user,
    inboxOf: deliveries.inboxOf,
    waitForDelivered,
    onDelivered: deliveries.onDelivered,
    onPush: users.onPush,
    onNotice: users.onNotice,
    checkServer: platform.checkServer,
    async close() {
      deliveries.close();
      await platform.close();
      await api.close();
    },
  };
}

export type { DeliveredPredicate, Expected } from './deliveries.js';
export type { Fault, Faults } from './faults.js';
export type { TokenControls } from './tokens.js';
export type * from './types.js';
export type { SimulatedUser } from './user.js';
