import type { SendRate } from '../accounts/send-rate.js';
import { createSlotsByKey, type Slots } from '../lib/slots.js';

interface GatedAccount {
  appId: string;
  sendRate: number;
}

/** What a call waits for before it may begin: one of its account's slots, then the account's rate. */
export interface Gate {
  /** Passes if nothing keeps it from passing right now. */
  tryEnter(account: GatedAccount): boolean;
  /** Resolves once it has passed; false where the process is to stop instead. */
  enter(account: GatedAccount, isUrgent: boolean): Promise<boolean>;
  /** Frees the slot of one that passed. */
  leave(appId: string): void;
}

export interface GateOptions {
  /** Calls at once, for each account. */
  concurrency: number;
  rate: SendRate;
  /** Ends every wait. */
  drain: AbortSignal;
}

export function createGate({ concurrency, rate, drain }: GateOptions): Gate {
  const slotsOf = createSlotsByKey(concurrency);

  return {
    tryEnter(account) {
      const slots = slotsOf(account.appId);
      if (drain.aborted || !slots.tryAcquire()) return false;
      if (rate.tryAdmit(account)) return true;
      slots.release();
      return false;
    },

    async enter(account, isUrgent) {
      const slots = slotsOf(account.appId);
      if (!slots.tryAcquire() && !(await acquired(slots, isUrgent, drain))) return false;
      await rate.admit(account);
      if (!drain.aborted) return true;
      slots.release();
      return false;
    },

    leave(appId) {
      slotsOf(appId).release();
    },
  };
}

/** Waits for a slot or the signal; false for the signal, and the slot is given back when it comes after all. */
function acquired(slots: Slots, isUrgent: boolean, drain: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    let isWaiting = true;
    const settle = (hasSlot: boolean) => {
      drain.removeEventListener('abort', onDrain);
      if (!isWaiting && hasSlot) slots.release();
      isWaiting = false;
      resolve(hasSlot);
    };
    const onDrain = () => settle(false);
    drain.addEventListener('abort', onDrain, { once: true });
    void slots.acquire(isUrgent).then(() => settle(true));
    if (drain.aborted) onDrain();
  });
}
