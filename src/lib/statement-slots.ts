/** Which statements may be under way at once. */
export interface StatementSlotsOptions {
  /** Statements under way at once. More than one may commit out of order. */
  maxConcurrent: number;
  /** Statements under way when one that is not full may go too: fewer, so that what comes in between shares one. */
  maxConcurrentSmall?: number;
  /** Items that one needs to go while another is under way, unless that one takes long (it may wait for a lock); default 1. */
  besideItems?: number;
}

/** Longer than a statement takes on a busy server: who waited for so long for company goes without. */
const besideAfterMs = 50;

/** Lets statements go beside one another where that is worth it: the more share one, the less each costs. */
export class StatementSlots {
  readonly #options: StatementSlotsOptions;
  readonly #maxSmall: number;
  readonly #onLate: () => void;
  #taken = 0;
  /** When the latest statement began. */
  #startedAt = Number.NEGATIVE_INFINITY;
  #lateTimer: NodeJS.Timeout | undefined;

  /** @param onLate the few that may not go yet may go now: the statement under way takes long */
  constructor(options: StatementSlotsOptions, onLate: () => void) {
    this.#options = options;
    this.#maxSmall = Math.min(options.maxConcurrentSmall ?? options.maxConcurrent, options.maxConcurrent);
    this.#onLate = onLate;
  }

  /** Whether a full set may go. */
  get isFree(): boolean {
    return this.#taken < this.#options.maxConcurrent;
  }

  /** Whether so many items may go though they are no full set. */
  isWorthwhile(items: number): boolean {
    const { besideItems = 1 } = this.#options;
    const isAlone = this.#taken === 0 || performance.now() - this.#startedAt >= besideAfterMs;
    return this.#taken < this.#maxSmall && items >= (isAlone ? 1 : besideItems);
  }

  /** For the few that wait for the statement under way, which may take long. */
  watch(): void {
    if (this.#lateTimer || this.#taken >= this.#maxSmall) return;
    const leftMs = Math.max(0, this.#startedAt + besideAfterMs - performance.now());
    this.#lateTimer = setTimeout(() => {
      this.#lateTimer = undefined;
      this.#onLate();
    }, Math.ceil(leftMs));
  }

  take(): void {
    this.#taken += 1;
    this.#startedAt = performance.now();
  }

  give(): void {
    this.#taken -= 1;
  }
}
