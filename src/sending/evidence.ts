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
      openid: string;
      /** The code for which the account rests, where this was let through to see whether it works again. */
      probes: number | undefined;
    };

/**
 * Whom a refusal is about whose code may be about the account (see Evidence in error-code.ts). Most codes say it: the secret, the
 * machine's IP, the account's state. Some (`maybe-account`) are given as well for one kind of message, such as a mini program that
 * is not linked to the account: these are about the account only where different kinds are refused alike and nothing was accepted in
 * between, or where a plain text is refused, which needs no right but the account's own. Else that message fails, and the others
 * go on. An upload that is refused for its API is about what needs an upload.
 */
export interface Evidence {
  judge(appId: string, errcode: number, refused: RefusedCall): 'account' | 'message';
  /** WeChat took a message of the account: what was refused before was not about the account. */
  accepted(appId: string): void;
}

/** Refusals that lie further apart tell nothing of one another. */
const togetherMs = 5 * 60_000;

/** So many users are not frozen within minutes by chance. */
const severalUsers = 3;

/** @param now milliseconds that never run backwards */
export function createEvidence(now: () => number): Evidence {
  /** By account and code: when which kind of message, or which user, was refused last. */
  const refusals = new Map<string, Map<number, Map<string, number>>>();

  /** @returns how many others were refused alike lately, this one among them */
  function count(appId: string, errcode: number, which: string): number {
    const ofAccount = refusals.get(appId) ?? new Map<number, Map<string, number>>();
    const ofCode = ofAccount.get(errcode) ?? new Map<string, number>();
    ofCode.set(which, now());
    for (const [other, at] of ofCode) if (now() - at > togetherMs) ofCode.delete(other);
    ofAccount.set(errcode, ofCode);
    refusals.set(appId, ofAccount);
    return ofCode.size;
  }

  function isOfAccount(appId: string, errcode: number, refused: RefusedCall): boolean {
    if (refused.call === 'token') return true;
    const { evidence, scope } = describeErrcode(errcode) ?? {};
    if (refused.call === 'upload') return evidence === 'account' && scope !== 'api';
    const { payload, openid, probes } = refused;
    switch (evidence) {
      case 'account':
        return true;
      case 'maybe-account': {
        const kinds = count(appId, errcode, payload.msgtype);
        return probes === errcode || isPlainText(payload) || kinds > 1;
      }
      case 'several-users':
        return count(appId, errcode, openid) >= severalUsers || probes === errcode;
      case undefined:
        return false;
    }
  }

  return {
    judge: (appId, errcode, refused) => (isOfAccount(appId, errcode, refused) ? 'account' : 'message'),

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
