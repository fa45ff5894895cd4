import { randomBytes } from 'node:crypto';
import { type SimulatedAccount, startSimulator } from '../simulator/index.js';
import { addFailure, type Failure, type FailureOptions } from './failure.js';
import { createTestUser, type TestReply, type TestUser, toReply, type WaitOptions } from './user.js';

export interface TestWeChatOptions {
  /** Default: one of its own each time, so that tests share a database one after another. */
  appId?: string;
  /** How pushes are encrypted; default: `plaintext`. */
  mode?: 'plaintext' | 'compatible' | 'secure';
  /** Default: `xml`. */
  format?: 'xml' | 'json';
  /** How long a push waits for its response; default: 5,000, as WeChat. */
  pushTimeoutMs?: number;
}

/** One call of WeChat's API. */
export interface TestCall {
  path: string;
  /** Of a call for one user. */
  openid: string | undefined;
  /** As it came in. */
  body: string;
  /** Of the response; undefined where there was none, or none of WeChat's. */
  errcode: number | undefined;
}

/** A WeChat on loopback with one account: its API, its pushes, its users, with WeChat's windows, quotas and checks. */
export interface TestWeChat {
  readonly appId: string;
  /** The settings by which a service belongs to this account and calls this API: WECHAT_APP_ID, WECHAT_API_BASE and the rest. */
  readonly settings: Readonly<Record<string, string>>;
  /** Where it pushes to. `startService` sets it; for a service that you started yourself it is yours to set. */
  connect(webhookUrl: string): void;
  /** The same user for the same openid; without one, somebody new. */
  user(openid?: string): TestUser;
  /** Lets calls of the API fail: those that come next, one failure a call, in the order in which they were asked for. */
  fail(failure: Failure, options?: FailureOptions): void;
  /** All failures that have not struck yet are off. */
  recover(): void;
  /** The access tokens that were handed out are good no more (40001), as when somebody else asked for one. */
  expireToken(): void;
  /** Every call of the API, oldest first. */
  readonly calls: readonly TestCall[];
  /** Every message that reached anybody, oldest first. */
  readonly replies: readonly TestReply[];
  /**
   * Resolves once `isEnough` is true of everything that has arrived, with all of it.
   *
   * @throws Error that says what did arrive, when the time is up
   */
  waitFor(isEnough: (replies: readonly TestReply[]) => boolean, options?: WaitOptions): Promise<TestReply[]>;
  stop(): Promise<void>;
}

/** Starts one on a free port. */
export async function startWeChat(options: TestWeChatOptions = {}): Promise<TestWeChat> {
  const { mode = 'plaintext', format = 'xml', pushTimeoutMs = 5_000 } = options;
  const account = newAccount(options.appId);
  const { appId } = account;
  const simulator = await startSimulator({ account, mode, format, pushTimeoutMs });
  return {
    appId,
    settings: {
      WECHAT_APP_ID: appId,
      WECHAT_APP_SECRET: account.appSecret,
      WECHAT_TOKEN: account.token,
      ...(mode === 'plaintext' ? {} : { WECHAT_ENCODING_AES_KEY: account.encodingAesKey }),
      WECHAT_API_BASE: simulator.apiBase,
    },
    connect: (webhookUrl) => simulator.setWebhookUrl(webhookUrl),
    user: (openid = `o${randomBytes(14).toString('base64url').replace(/\W/g, 'x')}`) =>
      createTestUser(simulator, simulator.user(openid)),
    fail: (failure, where = {}) => addFailure(simulator, failure, where),
    recover: () => simulator.faults.clear(),
    expireToken: () => simulator.tokens.expire(appId),
    get calls() {
      return simulator.calls.map(({ path, openid, body, errcode }) => ({ path, openid, body, errcode }));
    },
    get replies() {
      return simulator.delivered.map(toReply);
    },
    async waitFor(isEnough, waiting = {}) {
      const delivered = await simulator.waitForDelivered((all) => isEnough(all.map(toReply)), waiting);
      return delivered.map(toReply);
    },
    stop: () => simulator.close(),
  };
}

function newAccount(
  appId = `wx${randomBytes(8).toString('hex')}`,
): SimulatedAccount & { encodingAesKey: string } {
  return {
    appId,
    appSecret: randomBytes(16).toString('hex'),
    token: randomBytes(12).toString('hex'),
    encodingAesKey: randomBytes(32).toString('base64').slice(0, 43),
  };
}
