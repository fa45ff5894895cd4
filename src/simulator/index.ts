import type { ApiCall } from './api/exchange.js';
import { createFaults, type Faults } from './api/faults.js';
import { createRoutes } from './api/routes.js';
import { startApi } from './api/server.js';
import type { SessionChange } from './api/session-routes.js';
import { createPhone, type Phone, type PhoneOptions } from './phone/phone.js';
import type { PlatformTimes, PushResult } from './pushes/platform.js';
import { createPushes, type Pushes } from './pushes/pushes.js';
import type { SimulatedUser } from './pushes/user.js';
import type { Notice } from './pushes/users.js';
import { type AccountControls, createAccountControls } from './state/account-controls.js';
import type { PushSettings, SimulatedAccount } from './state/accounts.js';
import { createAccounts } from './state/accounts.js';
import type { DeliveredMessage } from './state/deliveries.js';
import { createDeliveries, type DeliveredPredicate, type Expected } from './state/deliveries.js';
import { createMedia, type MediaControls } from './state/media.js';
import { createQuotaControls, type QuotaControls } from './state/quota-controls.js';
import { createTickets, type TicketControls } from './state/tickets.js';
import { createTokens, type TokenControls } from './state/tokens.js';
import type { TypingSignal } from './state/typing.js';

export interface SimulatorOptions {
  /** The first account, which is meant wherever none is named. */
  account: SimulatedAccount;
  moreAccounts?: readonly SimulatedAccount[];
  /** 0, the default, takes any free port; always on loopback. */
  port?: number;
  /** Of all accounts. May also be set later. */
  webhookUrl?: string;
  /** As in the console, for accounts that have none of their own: `plaintext` and `xml` by default. */
  mode?: PushSettings['mode'];
  format?: PushSettings['format'];
  /** How long a push waits for its response; 5,000 by default, as WeChat. */
  pushTimeoutMs?: number;
  /** Pause between the tries of a push; 0 by default: the time-out alone spaces them. */
  retryDelayMs?: number;
  /** 7,200 by default, as WeChat. */
  tokenLifetimeSeconds?: number;
  /** Serves the page /phone as well: the chat of a user, and a panel that makes the API fail. */
  phone?: PhoneOptions;
  /** Milliseconds, as Date.now gives them. Rules go by it; time-outs and delays go by real time. */
  clock?: () => number;
}

/**
 * A WeChat to play with: its API, its pushes, and its users. An app id that no account has is an error.
 * It shares no code with the service, so that it can catch its mistakes.
 */
export interface Simulator extends AccountControls {
  /** For WECHAT_API_BASE. */
  readonly apiBase: string;
  /** Of the page, if it was asked for. */
  readonly phoneUrl: string | undefined;
  readonly faults: Faults;
  readonly tokens: TokenControls;
  readonly tickets: TicketControls;
  readonly quotas: QuotaControls;
  readonly media: MediaControls;
  /** Every call of the API, in order, faulted ones included. */
  readonly calls: readonly ApiCall[];
  /** Every message that reached a user, in order. */
  readonly delivered: readonly DeliveredMessage[];
  /** Every typing command that was accepted, in order. */
  readonly typing: readonly TypingSignal[];
  /** Without an app id: of every account, those included that had one of their own. */
  setWebhookUrl(url: string, appId?: string): void;
  /** The same openid in two accounts is two users. */
  user(openid: string, appId?: string): SimulatedUser;
  /** What this user received so far; without an app id, from every account. */
  inboxOf(openid: string, appId?: string): DeliveredMessage[];
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
  /** The GET handshake that the console makes when the owner saves the URL; rejects when nothing responds. */
  checkServer(appId?: string): Promise<{ status: number; body: string; ok: boolean }>;
  /** Breaks off calls and pushes under way; nothing is delivered afterwards. */
  close(): Promise<void>;
}

const defaultWaitMs = 20_000;

export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { account, moreAccounts = [], clock = Date.now } = options;
  const settings = settingsOf(options);
  const accounts = createAccounts({
    ...{ first: account, more: moreAccounts, settings, clock },
    onMenu: (appId) => phone?.menuChanged(appId),
  });
  const deliveries = createDeliveries();
  const faults = createFaults();
  const tokens = createTokens([account, ...moreAccounts], options.tokenLifetimeSeconds ?? 7_200, clock);
  const tickets = createTickets(clock);
  const media = createMedia(accounts, clock);
  const { webhookUrl } = options;
  const pushes = createPushes({ accounts, webhookUrl, times: timesOf(options), clock });
  const phone =
    options.phone &&
    createPhone({ options: options.phone, accounts, media, deliveries, faults, tokens, pushes, clock });
  const { calls, typing, onCall, onTyping } = createRecord(phone);
  const api = await startApi({
    port: options.port ?? 0,
    routes: createRoutes({
      accounts,
      tokens,
      tickets,
      media,
      clock,
      deliver: deliveries.add,
      onTyping,
      onSession: (change) => pushSession(pushes, change),
    }),
    faults,
    clock,
    ownerOf: tokens.ownerOf,
    onCall,
    onCallOver: (call) => phone?.callOver(call),
    pages: phone?.pages,
  });

  return {
    apiBase: api.base,
    phoneUrl: phone && `${api.base}/phone/`,
    faults,
    tokens,
    tickets,
    media,
    ...createAccountControls(accounts),
    quotas: createQuotaControls(accounts),
    calls,
    delivered: deliveries.all,
    typing,
    setWebhookUrl: pushes.setWebhookUrl,
    user: pushes.user,
    inboxOf: deliveries.inboxOf,
    waitForDelivered: (...asked: Parameters<typeof expectedOf>) =>
      deliveries.waitFor(...expectedOf(...asked)),
    onDelivered: deliveries.onDelivered,
    onPush: pushes.onPush,
    onNotice: pushes.onNotice,
    checkServer: pushes.checkServer,
    async close() {
      phone?.close();
      deliveries.close();
      await pushes.close();
      await api.close();
    },
  };
}

/** Once the response is on its way. Where there is no webhook, nobody is told. */
function pushSession(pushes: Pushes, { kind, appId, openid, kfAccount }: SessionChange): void {
  const user = pushes.user(openid, appId);
  setImmediate(() => {
    const pushed = kind === 'created' ? user.kfCreateSession(kfAccount) : user.kfCloseSession(kfAccount);
    pushed.catch(() => undefined);
  });
}

/** Of all that was called, with the phone told of it. */
function createRecord(phone: Phone | undefined) {
  const calls: ApiCall[] = [];
  const typing: TypingSignal[] = [];
  return {
    calls,
    typing,
    onCall(call: ApiCall) {
      calls.push(call);
      phone?.called(call);
    },
    onTyping(signal: TypingSignal) {
      typing.push(signal);
      phone?.typed(signal);
    },
  };
}

function settingsOf({ mode = 'plaintext', format = 'xml' }: SimulatorOptions): PushSettings {
  return { mode, format };
}

function timesOf({ pushTimeoutMs = 5_000, retryDelayMs = 0 }: SimulatorOptions): PlatformTimes {
  return { pushTimeoutMs, retryDelayMs };
}

/** Both forms of `waitForDelivered`. */
function expectedOf(
  wanted: string | DeliveredPredicate | Expected,
  countOrOptions: number | { timeoutMs?: number } = {},
  timeoutMs?: number,
): [wanted: DeliveredPredicate | Expected, timeoutMs: number] {
  const options = typeof countOrOptions === 'number' ? { timeoutMs } : countOrOptions;
  const count = typeof countOrOptions === 'number' ? countOrOptions : 1;
  const expected = typeof wanted === 'string' ? { openid: wanted, count } : wanted;
  return [expected, options.timeoutMs ?? defaultWaitMs];
}

export type { ApiCall } from './api/exchange.js';
export type { Fault, Faults } from './api/faults.js';
export type { MenuButton } from './phone/contract.js';
export type { PhoneOptions } from './phone/phone.js';
export { parseMenu } from './phone/schema.js';
export type { PushResult } from './pushes/platform.js';
export type { SimulatedUser } from './pushes/user.js';
export type { Notice } from './pushes/users.js';
export type { XmlFields, XmlValue } from './pushes/xml.js';
export type { PushSettings, SimulatedAccount } from './state/accounts.js';
export type { AutoReplyInfo } from './state/auto-replies.js';
export type { DeliveredMessage, DeliveredPredicate, Expected } from './state/deliveries.js';
export type { MediaControls } from './state/media.js';
export type { QuotaControls } from './state/quota-controls.js';
export type { TicketControls } from './state/tickets.js';
export type { TokenControls } from './state/tokens.js';
export type { TypingSignal } from './state/typing.js';
