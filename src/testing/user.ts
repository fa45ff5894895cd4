import type { DeliveredMessage, PushResult, SimulatedUser, Simulator } from '../simulator/index.js';

/** What became of one push. */
export interface TestPush {
  /** False: WeChat tried three times in vain, and told the user that the account is out of service. */
  acknowledged: boolean;
  /** How often WeChat pushed it, 1 to 3. */
  tries: number;
}

/** A message that reached a user. */
export interface TestReply {
  openid: string;
  /** As WeChat's API calls it: `text`, `image`, `news`, `msgmenu`, … */
  type: string;
  /** What the user reads; of messages without words, what they are. */
  text: string;
  /** The call of the API, without `touser` and `msgtype`. */
  body: Readonly<Record<string, unknown>>;
  at: Date;
}

export interface WaitOptions {
  /** Default: 20,000. */
  timeoutMs?: number;
}

/** A follower of the account, or somebody about to become one. Each action is pushed as WeChat would, and awaits its acknowledgement. */
export interface TestUser {
  readonly openid: string;
  /** All that has reached this user so far, oldest first. */
  readonly replies: readonly TestReply[];
  /**
   * Resolves once `count` messages in all have reached this user, with all of them.
   *
   * @throws Error that says what did arrive, when the time is up
   */
  waitForReplies(count: number, options?: WaitOptions): Promise<TestReply[]>;
  /** @param options.scene of the QR code that led to the account */
  subscribe(options?: { scene?: string }): Promise<TestPush>;
  /** From now on nothing reaches this user (43004). */
  unsubscribe(): Promise<TestPush>;
  say(text: string): Promise<TestPush>;
  /** A menu entry of type click. */
  click(key: string): Promise<TestPush>;
  /** A QR code of the account, by somebody who follows it already. */
  scan(scene: string): Promise<TestPush>;
  /** An entry of a `msgmenu` message. */
  tap(entry: { id: string; content: string }): Promise<TestPush>;
  image(picture?: { url?: string; mediaId?: string }): Promise<TestPush>;
  /** @param recording.recognition the spoken words, for accounts that have them recognised */
  voice(recording?: { mediaId?: string; recognition?: string }): Promise<TestPush>;
  /** @param place in degrees */
  location(place: { latitude: number; longitude: number; label?: string }): Promise<TestPush>;
  /** Any other message, by its MsgType and its other fields. */
  message(type: string, fields: Readonly<Record<string, string | number>>): Promise<TestPush>;
  /** Any other event, by its name and its other fields. */
  event(name: string, fields?: Readonly<Record<string, string | number>>): Promise<TestPush>;
}

export function createTestUser(
  simulator: Pick<Simulator, 'inboxOf' | 'waitForDelivered'>,
  user: SimulatedUser,
): TestUser {
  const { openid } = user;
  return {
    openid,
    get replies() {
      return simulator.inboxOf(openid).map(toReply);
    },
    async waitForReplies(count, options = {}) {
      return (await simulator.waitForDelivered({ openid, count }, options)).map(toReply);
    },
    subscribe: async (options) => toPush(await user.subscribe(options)),
    unsubscribe: async () => toPush(await user.unsubscribe()),
    say: async (text) => toPush(await user.say(text)),
    click: async (key) => toPush(await user.click(key)),
    scan: async (scene) => toPush(await user.scan(scene)),
    tap: async (entry) => toPush(await user.tap(entry)),
    image: async ({ url, mediaId } = {}) =>
      toPush(
        await user.image({
          ...(url === undefined ? {} : { picUrl: url }),
          ...(mediaId === undefined ? {} : { mediaId }),
        }),
      ),
    voice: async (recording) => toPush(await user.voice(recording)),
    location: async (place) => toPush(await user.location(place)),
    message: async (type, fields) => toPush(await user.message(type, fields)),
    event: async (name, fields) => toPush(await user.event(name, fields)),
  };
}

function toPush({ outcome, tries }: PushResult): TestPush {
  return { acknowledged: outcome === 'acknowledged', tries: tries.length };
}

export function toReply({ openid, msgtype, text, body, at }: DeliveredMessage): TestReply {
  return { openid, type: msgtype, text, body, at: new Date(at) };
}
