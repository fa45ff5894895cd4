import { createHash, randomBytes } from 'node:crypto';
import { batchFailure } from '../../db/errors.js';
import { createBatcher } from '../../lib/batcher.js';
import type { AwaitedReply, IssuedCallback, ReplyCallbacks } from '../../outbox/reply-callback.js';
import type { ReplyContext } from '../router.js';
import type { OfferedCallback } from './body.js';

/** A callback that a back end is offered, to be awaited or dropped when it has answered. */
export interface Offer extends OfferedCallback {
  tokenHash: Buffer;
}

export type Offering =
  /** What came, or is to come, of an earlier call for this message. */
  | Exclude<AwaitedReply, { state: 'none' }>
  /** `offer`: undefined where it could not be used in time. */
  | { state: 'offered'; offer: Offer | undefined };

/** Gives out the tokens with which replies may come later. */
export interface Callbacks {
  /** Stored before it is given out, so that no answer comes too early. */
  offer(context: ReplyContext): Promise<Offering>;
  /** The back end answers later. Returns its answer, should it have come by now. */
  awaitReply(offer: Offer): Promise<{ answer: unknown } | undefined>;
  /** The back end has answered at once. Nobody waits for this. */
  drop(offer: Offer): void;
}

export interface CallbacksOptions {
  statements: ReplyCallbacks;
  /** Of the public port, as the back end reaches it. */
  baseUrl: string;
  /** As the table names the back end. */
  source: string;
  /** A message waits no longer for its answer. */
  waitMs: number;
  clock(): Date;
}

/** A back end that is told of less can do nothing with it. */
const leastMs = 1_000;

const sets = { classify: batchFailure, maxItems: 500, maxConcurrent: 2, besideItems: 16 };

export function createCallbacks({ statements, baseUrl, source, waitMs, clock }: CallbacksOptions): Callbacks {
  const issue = createBatcher({ run: statements.issue, ...sets });
  const drop = createBatcher<Buffer, undefined>({
    run: async (hashes) => {
      await statements.drop(hashes);
      return hashes.map(() => undefined);
    },
    ...sets,
    lingerMs: 20,
  });

  return {
    async offer({ message: { openid }, messageId, account: { appId }, window }) {
      const now = clock().getTime();
      const endsAt = Math.min(now + waitMs, window?.endsAt.getTime() ?? Number.POSITIVE_INFINITY);
      const expiresAt = new Date(endsAt);
      const token = randomBytes(32).toString('base64url');
      const issued: IssuedCallback = {
        ...{ tokenHash: hashOf(token), appId, openid, messageId, source, expiresAt },
      };
      const isUsable = endsAt - now >= leastMs;
      if (!isUsable || !(await issue.add(issued))) {
        const known = await statements.lookAt(messageId, source);
        if (known.state !== 'none') return known;
        if (!isUsable) return { state: 'offered', offer: undefined };
        await statements.issueAnother(issued);
      }
      const url = `${baseUrl}/replies/callback/${token}`;
      return { state: 'offered', offer: { url, token, expiresAt, tokenHash: issued.tokenHash } };
    },

    awaitReply: ({ tokenHash }) => statements.awaitReply(tokenHash),

    drop({ tokenHash }) {
      // Should it fail, the row goes after it has expired.
      drop.add(tokenHash).catch(() => undefined);
    },
  };
}

/** What is stored of a token, or of a body. */
export function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
