import { describeErrcode } from '../wechat/out/errors.js';
import type { WirePayload } from '../wechat/out/reply.js';

/** Which call was refused with a code that may be about the account. */
export type RefusedCall =
  /** None can be had without the account: what refuses a token refuses all. */
  | { call: 'token' }
  | { call: 'upload' }
  | {
      call: 'send';
      payload: WirePayload;
      /** It was let through a pause to see whether the account works again. */
      isProbe: boolean;
    };

/**
 * Whom a refusal of class `account` is about. Most codes say it: the secret, the machine's IP, the account's state. Some
 * (`maybe-account`) are given as well for one kind of message, such as a mini program that is not linked to the account: these
 * are about the account only where different kinds are refused alike and nothing was accepted in between, or where a plain
 * text is refused, which needs no right but the account's own. Else that message fails, and the others go on.
 */
export interface Evidence {
  judge(appId: string, errcode: number, refused: RefusedCall): 'account' | 'message';
  /** WeChat took a message of the account: what was refused before was not about the account. */
  accepted(appId: string): void;
}

/** Refusals that lie further apart tell nothing of one another. */
const togetherMs = 5 * 60_000;

/** @param now milliseconds that never run backwards */
export function createEvidence(now: () => number): Evidence {
  /** By account and code: when which kind of message was refused last. */
  const refusals = new Map<string, Map<number, Map<string, number>>>();

  function note(appId: string, errcode: number, msgtype: string): Map<string, number> {
    const ofAccount = refusals.get(appId) ?? new Map<number, Map<string, number>>();
    const ofCode = ofAccount.get(errcode) ?? new Map<string, number>();
    ofCode.set(msgtype, now());
    ofAccount.set(errcode, ofCode);
    refusals.set(appId, ofAccount);
    return ofCode;
  }

  return {
    judge(appId, errcode, refused) {
      if (refused.call === 'token') return 'account';
      if (describeErrcode(errcode)?.evidence !== 'maybe-account') return 'account';
      if (refused.call === 'upload') return 'message';
      const byKind = note(appId, errcode, refused.payload.msgtype);
      if (refused.isProbe || isPlainText(refused.payload)) return 'account';
      const lately = [...byKind.values()].filter((at) => now() - at <= togetherMs);
      return lately.length > 1 ? 'account' : 'message';
    },

    accepted(appId) {
      if (refusals.size > 0) refusals.delete(appId);
    },
  };
}

/** A text that names no mini program and no agent: nothing in it needs a right of its own. */
function isPlainText({ msgtype, text, customservice }: WirePayload): boolean {
  return (
    msgtype === 'text' &&
    customservice === undefined &&
    !JSON.stringify(text ?? '').includes('data-miniprogram')
  );
}
