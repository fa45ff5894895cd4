import { type Fault, type FaultSource, type PendingRule, sendPath } from '../api/faults.js';
import type { Pushes } from '../pushes/pushes.js';
import type { Accounts } from '../state/accounts.js';
import { createQuotaControls } from '../state/quota-controls.js';
import type { TokenControls } from '../state/tokens.js';
import type { Change, FailingCall, Failure, FailureOrder, Troubles } from './contract.js';

/** What the panel makes go wrong. */
export interface Trouble {
  readonly now: Troubles;
  fail(order: FailureOrder): void;
  /** From now on each send is refused with 45009, until it is lifted or the account clears its quota. */
  useUpQuota(isUsedUp: boolean): void;
  endTokens(): void;
  /** Each push is repeated so often, as when the platform saw no answer. */
  repeatPushes(copies: number): void;
  cutOffWebhook(isDown: boolean): void;
  liftAll(): void;
  /** Tells of failures that have struck since. */
  look(): void;
}

export interface TroublesOptions {
  accounts: Accounts;
  faults: FaultSource;
  tokens: TokenControls;
  pushes: Pick<Pushes, 'cutOff' | 'isCutOff'>;
  onChange(change: Change): void;
}

const paths: Readonly<Record<FailingCall, string>> = {
  send: sendPath,
  typing: '/cgi-bin/message/custom/typing',
  upload: '/cgi-bin/media/upload',
  download: '/cgi-bin/media/get',
  token: '/cgi-bin/stable_token',
};

export function createTroubles({ accounts, faults, tokens, pushes, onChange }: TroublesOptions): Trouble {
  const quotas = createQuotaControls(accounts);
  let isQuotaUsedUp = false;
  let copies = 0;
  let told = '';

  function now(): Troubles {
    const failures = faults.rules.flatMap(orderOf);
    return { failures, isQuotaUsedUp, copies, isWebhookDown: pushes.isCutOff };
  }

  function tell(): void {
    const troubles = now();
    const text = JSON.stringify(troubles);
    if (text === told) return;
    told = text;
    onChange({ kind: 'troubles', troubles });
  }

  function useUpQuota(isUsedUp: boolean): void {
    isQuotaUsedUp = isUsedUp;
    // The limits count from what is used, so that a quota cleared by the account is one again.
    for (const { account } of accounts.all)
      quotas.set(isUsedUp ? { perDay: quotas.used(account.appId) } : {}, account.appId);
    tell();
  }

  function repeatPushes(wanted: number): void {
    copies = wanted;
    tell();
  }

  function cutOffWebhook(isDown: boolean): void {
    pushes.cutOff(isDown);
    tell();
  }

  return {
    get now() {
      return now();
    },
    fail({ failure, call, openid, times }) {
      faults.add({
        path: paths[call],
        ...(openid === null ? {} : { openid }),
        times: times ?? Number.POSITIVE_INFINITY,
        fault: faultOf(failure),
      });
      tell();
    },
    useUpQuota,
    endTokens() {
      for (const { account } of accounts.all) tokens.expire(account.appId);
    },
    repeatPushes,
    cutOffWebhook,
    liftAll() {
      faults.clear();
      useUpQuota(false);
      repeatPushes(0);
      cutOffWebhook(false);
    },
    look: tell,
  };
}

function faultOf(failure: Failure): Fault {
  switch (failure.kind) {
    case 'errcode':
      return { errcode: failure.errcode };
    case 'http':
      return { httpStatus: failure.status };
    case 'hang':
      return { hang: true };
    case 'slow':
      return { delayMs: failure.ms };
    case 'reset':
      return { reset: failure.when };
    case 'malformed':
      return { malformed: '<html><body>502 Bad Gateway</body></html>' };
  }
}

function failureOf(fault: Fault): Failure {
  if ('errcode' in fault) return { kind: 'errcode', errcode: fault.errcode };
  if ('httpStatus' in fault) return { kind: 'http', status: fault.httpStatus };
  if ('hang' in fault) return { kind: 'hang' };
  if ('delayMs' in fault) return { kind: 'slow', ms: fault.delayMs };
  if ('reset' in fault) return { kind: 'reset', when: fault.reset };
  return { kind: 'malformed' };
}

/** None for a call that the panel does not know. */
function orderOf({ path, openid, left, fault }: PendingRule): FailureOrder[] {
  const call = (Object.keys(paths) as FailingCall[]).find((candidate) => paths[candidate] === path);
  if (!call) return [];
  const times = Number.isFinite(left) ? left : null;
  return [{ failure: failureOf(fault), call, openid: openid ?? null, times }];
}
