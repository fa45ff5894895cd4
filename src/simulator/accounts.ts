import type { SimulatedAccount } from './types.js';
import { createWindows, type Windows } from './windows.js';

/** What WeChat keeps of one account. OpenIDs are an account's own: the same one elsewhere is somebody else. */
export interface AccountState {
  readonly account: SimulatedAccount;
  readonly windows: Windows;
  /** OpenIDs of those who left. */
  readonly unsubscribed: Set<string>;
}

/** By app id. */
export type Accounts = ReadonlyMap<string, AccountState>;

export function createAccountState(account: SimulatedAccount, clock: () => number): AccountState {
  return { account, windows: createWindows(clock), unsubscribed: new Set() };
}
