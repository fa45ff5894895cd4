import { type ApiServer, startApi } from './api.js';
import { createFaults, type Faults } from './faults.js';
import { createPlatform } from './platform.js';
import { createTokens, type Tokens } from './tokens.js';
import type { ApiCall, DeliveredMessage, PushResult, SimulatedAccount, XmlFields } from './types.js';
import { createUser, type SimulatedUser } from './user.js';
import { createWindows } from './windows.js';
import { toXml } from './xml.js';

export interface SimulatorOptions {
  account: SimulatedAccount;
  /** 0 takes any free port; always on loopback. */
  port?: number;
  /** May also be set later. */
  webhookUrl?: string;
  pushTimeoutMs?: number;
  retryDelayMs?: number;
  tokenLifetimeSeconds?: number;
  /** Milliseconds, as Date.now gives them. */
  clock?: () => number;
}

/** A WeChat to play with: its API, its pushes, and its users. */
export interface Simulator {
  /** For WECHAT_API_BASE. */
  readonly apiBase: string;
  readonly faults: Faults;
  readonly tokens: Tokens;
  /** Every call of the API, in order. */
  readonly calls: readonly ApiCall[];
  /** Every message that reached a user, in order. */
  readonly delivered: readonly DeliveredMessage[];
  setWebhookUrl(url: string): void;
  user(openid: string): SimulatedUser;
  /** What this user received so far. */
  inboxOf(openid: string): DeliveredMessage[];
  /** Resolves once the user has received `count` messages in all; rejects, with what there is, when time is up. */
  waitForDelivered(openid: string, count: number, timeoutMs?: number): Promise<DeliveredMessage[]>;
  onDelivered(listener: (message: DeliveredMessage) => void): void;
  checkServer(): Promise<{ status: number; body: string; ok: boolean }>;
  close(): Promise<void>;
}

/** Ids as WeChat's: growing with time, also over restarts, and beyond what a double holds exactly. */
const msgIdsPerMs = 100_000n;

export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { account, clock = Date.now } = options;
  let webhookUrl = options.webhookUrl;
  let lastMsgId = BigInt(clock()) * msgIdsPerMs;
  const calls: ApiCall[] = [];
  const delivered: DeliveredMessage[] = [];
  const listeners = new Set<(message: DeliveredMessage) => void>();
  const notices = new Map<string, number>();
  const gone = new Set<string>();
  const users = new Map<string, SimulatedUser>();
  const faults = createFaults();
  const windows = createWindows(clock);
  const tokens = createTokens([account], options.tokenLifetimeSeconds ?? 7_200, clock);

  const api: ApiServer = await startApi({
    port: options.port ?? 0,
    tokens,
    windows,
    followers: { isGone: (openid) => gone.has(openid) },
    faults,
    clock,
    onCall: (call) => calls.push(call),
    onDelivered(message) {
      const numbered = { ...message, sequence: delivered.length + 1 };
      delivered.push(numbered);
      for (const listener of listeners) listener(numbered);
    },
  });

  const platform = createPlatform({
    account,
    webhookUrl() {
      if (webhookUrl === undefined) throw new Error('The simulator has no webhook URL yet');
      return webhookUrl;
    },
    pushTimeoutMs: options.pushTimeoutMs ?? 5_000,
    retryDelayMs: options.retryDelayMs ?? 0,
    clock,
  });

  function noteOutcome(result: PushResult): PushResult {
    if (result.outcome === 'notice') notices.set(result.openid, (notices.get(result.openid) ?? 0) + 1);
    return result;
  }

  const inboxOf = (openid: string) => delivered.filter((message) => message.openid === openid);

  function newUser(openid: string): SimulatedUser {
    return createUser({
      openid,
      async push(from, fields: XmlFields, allowance) {
        if (allowance) windows.open(from, allowance);
        const createTime = Math.floor(clock() / 1_000);
        const { MsgType, ...rest } = fields;
        const body = toXml({
          ToUserName: account.originalId ?? 'gh_simulator',
          FromUserName: from,
          CreateTime: createTime,
          MsgType: MsgType ?? '',
          ...rest,
        });
        const msgId = fields.MsgId === undefined ? undefined : String(fields.MsgId);
        return noteOutcome(await platform.push(from, body, { msgId, createTime }));
      },
      repeat: async (earlier) => noteOutcome(await platform.push(earlier.openid, earlier.body, earlier)),
      nextMsgId() {
        lastMsgId += 1n;
        return lastMsgId;
      },
      noticesOf: (who) => notices.get(who) ?? 0,
      follow(who, following) {
        if (following) gone.delete(who);
        else gone.add(who);
      },
    });
  }

  return {
    apiBase: api.base,
    faults,
    tokens,
    calls,
    delivered,
    setWebhookUrl(url) {
      webhookUrl = url;
    },
    user(openid) {
      const user = users.get(openid) ?? newUser(openid);
      users.set(openid, user);
      return user;
    },
    inboxOf,
    waitForDelivered(openid, count, timeoutMs = 20_000) {
      return new Promise((resolve, reject) => {
        const check = () => {
          const inbox = inboxOf(openid);
          if (inbox.length < count) return;
          clearTimeout(timer);
          listeners.delete(check);
          resolve(inbox);
        };
        const timer = setTimeout(() => {
          listeners.delete(check);
          const seen = inboxOf(openid).map(({ text }) => JSON.stringify(text));
          reject(
            new Error(
              `${openid} should have ${count} messages after ${timeoutMs} ms, and has ${seen.length}: ${seen.join(', ')}`,
            ),
          );
        }, timeoutMs);
        listeners.add(check);
        check();
      });
    },
    onDelivered: (listener) => void listeners.add(listener),
    checkServer: () => platform.checkServer(),
    async close() {
      await platform.close();
      await api.close();
    },
  };
}

export type * from './types.js';
export type { SimulatedUser } from './user.js';
