import type { OpenInboundMedia } from '../../accounts/inbound-media.js';
import type { Logger } from '../../observe/log.js';
import type { InboundMessage } from '../../wechat/in/message.js';
import type { ContextServices, Subject } from '../context.js';
import type { Awaitable, JsonValue, ReplyContext } from '../router.js';
import { validateReason } from '../validate.js';

export interface ContextDependencies {
  services: ContextServices;
  openMedia: OpenInboundMedia;
}

/** One run of the reply logic. */
export interface ContextOfRun {
  subject: Subject;
  message: InboundMessage;
  /** With those before it that are answered with it. */
  messages: readonly InboundMessage[];
  window: ReplyContext['window'];
  /** Made when it is first asked for. */
  log(): Logger;
  signal(): AbortSignal;
  /** Told of a reason that is valid. */
  onHandOver(reason: string): void;
}

/** What the reply logic is given. What costs something is made when it is asked for: most logic asks for nothing. */
export function buildContext(
  { services, openMedia }: ContextDependencies,
  { subject, message, messages, window, log, signal, onHandOver }: ContextOfRun,
): ReplyContext {
  const { account } = subject;
  return {
    message,
    messages,
    account: { appId: account.appId, name: account.name },
    window,
    wechat: {
      call: (method, path, body) => services.call(subject, { method, path, body }, signal()),
      media: (mediaId, options) => openMedia(account, mediaId, { ...options, signal: signal() }),
    },
    history: async ({ turns }) => services.history(subject, turns),
    get state() {
      return services.state(subject);
    },
    once: <T extends JsonValue>(key: string, action: () => Awaitable<T>) =>
      services.once(subject, key, async () => action()) as Promise<T>,
    get log() {
      return log();
    },
    get signal() {
      return signal();
    },
    handOver: (reason) => onHandOver(validateReason(reason)),
  };
}
