import { type Aside, createSetAside, type SetAside } from './set-aside.js';
import { StatementSlots, type StatementSlotsOptions } from './statement-slots.js';

/**
 * Turns many small writes into few statements: what arrives while statements are under way is collected and goes out
 * together. Under light load an item is a statement of its own and waits for nobody.
 *
 * What one item meets is that item's alone: a set that fails is tried item by item, so that all others pass. Hence a
 * statement must be one that may run twice, and items of one batcher have no order among them.
 */
export interface Batcher<Item, Result> {
  /** Resolves with this item's result once its statement has committed; rejects with what went wrong for it alone. */
  add(item: Item): Promise<Result>;
  /** Items that wait, are set aside or under way. */
  readonly size: number;
}

/**
 * What a failed statement says about its items:
 *
 * - `refused`: one of them is wrong; it is found, and told
 * - `locked`: one of them meets a lock; it is found, set aside, and tried again with pauses
 * - `conflict`: nothing; once more
 * - `slow`: they are too many for now; smaller sets follow
 * - `away`: nothing; they wait, and are tried again together
 */
export type Failure = 'refused' | 'locked' | 'conflict' | 'slow' | 'away';

export interface BatcherOptions<Item, Result> extends StatementSlotsOptions {
  /** Runs one statement for all items; returns a result for each, in the same order. */
  run(items: readonly Item[]): Promise<readonly Result[]>;
  /** Default: every error is a refusal. */
  classify?(error: unknown): Failure;
  maxItems: number;
  /** So many gain hardly anything by more company: they go at once, while the turn of the event loop goes on. */
  fullItems?: number;
  /** How long an item waits for company, where nobody waits for the item; in ms, default 0. */
  lingerMs?: number;
  /** Before the nth try, from 1, of what waits for a database or a lock; in ms. */
  pauseMs?(tries: number): number;
  /** Items that nobody wants any more are dropped. */
  isWanted?(item: Item): boolean;
  /** Once aborted, a failure is the last: it is told to whom it concerns. */
  giveUp?: AbortSignal | undefined;
  /** Told of each statement, and of each that failed. */
  onStatement?(items: number): void;
  onFailure?(error: unknown, failure: Failure): void;
}

interface Entry<Item, Result> extends Aside {
  item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** Conflicts of one set in a row after which they count as a lock. */
const maxConflicts = 3;
/** So many locked items of one set are looked for, each of which takes its time; then the rest is set aside, too. */
const maxLockedASet = 3;

const backoffMs = (tries: number) => Math.min(2_000, 50 * 2 ** (tries - 1));

export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  const statements = new SharedStatements(options);
  return {
    add: (item) => statements.add(item),
    get size() {
      return statements.size;
    },
  };
}

class SharedStatements<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  readonly #slots: StatementSlots;
  #waiting: Entry<Item, Result>[] = [];
  /** What met a lock, and what was in a set with several such. */
  readonly #aside: SetAside<Entry<Item, Result>>;
  #itemsUnderWay = 0;
  #scheduled = false;
  #pause: NodeJS.Timeout | undefined;
  /** Failures in a row for want of a database. */
  #outages = 0;
  /** Items in one statement for now: fewer after one that was too slow. */
  #limit: number;

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
    this.#limit = options.maxItems;
    this.#slots = new StatementSlots(options, () => this.#schedule());
    this.#aside = createSetAside(
      (due) => this.#flush(due, false),
      () => this.#limit,
    );
    options.giveUp?.addEventListener('abort', () => this.#endPauses());
  }

  get size(): number {
    return this.#waiting.length + this.#aside.size + this.#itemsUnderWay;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, tries: 0, dueAt: 0, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    const { fullItems = Number.POSITIVE_INFINITY, lingerMs = 0 } = this.#options;
    if (this.#pause || !this.#slots.isFree) return;
    // Else a busy turn would collect hundreds while the database has nothing to do, and then wait for it.
    if (this.#waiting.length >= fullItems) void this.#flush(this.#take());
    if (this.#scheduled || this.#waiting.length === 0) return;
    if (!this.#slots.isWorthwhile(this.#waiting.length)) {
      this.#slots.watch();
      return;
    }
    this.#scheduled = true;
    const flushAll = () => {
      this.#scheduled = false;
      while (!this.#pause && this.#slots.isWorthwhile(this.#waiting.length)) void this.#flush(this.#take());
    };
    if (lingerMs > 0) setTimeout(flushAll, lingerMs);
    // After this turn of the event loop: all that it still brings joins the statement.
    else setImmediate(flushAll);
  }

  #take(): Entry<Item, Result>[] {
    if (this.#waiting.length > this.#limit) return this.#waiting.splice(0, this.#limit);
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  /** @param takesSlot what was set aside takes none of those that there are for statements, for it may wait for its lock */
  async #flush(set: Entry<Item, Result>[], takesSlot = true): Promise<void> {
    if (takesSlot) this.#slots.take();
    this.#itemsUnderWay += set.length;
    try {
      await this.#settle(set);
    } finally {
      if (takesSlot) this.#slots.give();
      this.#itemsUnderWay -= set.length;
      this.#schedule();
    }
  }

  async #settle(given: Entry<Item, Result>[]): Promise<void> {
    const set = given.filter(({ item }) => this.#options.isWanted?.(item) ?? true);
    if (set.length === 0) return;
    let failure = await this.#attempt(set);
    for (let times = 1; failure === 'conflict' && times < maxConflicts; times += 1)
      failure = await this.#attempt(set);
    switch (failure) {
      case undefined:
        return;
      case 'away':
        this.#waitFor(set);
        return;
      case 'slow':
        if (set.length === 1) this.#setAside(set);
        else {
          this.#limit = Math.ceil(set.length / 2);
          this.#waiting.unshift(...set);
        }
        return;
      default:
        if (set.length === 1 && failure !== 'refused') this.#setAside(set);
        else if (set.length > 1) await this.#oneByOne(set);
    }
  }

  /** Finds those that keep a set from being written. All others pass. */
  async #oneByOne(set: Entry<Item, Result>[]): Promise<void> {
    let locked = 0;
    for (const [index, entry] of set.entries()) {
      if (locked >= maxLockedASet) {
        this.#setAside(set.slice(index), 0);
        return;
      }
      if (this.#options.isWanted && !this.#options.isWanted(entry.item)) continue;
      const failure = await this.#attempt([entry]);
      if (failure === 'away') {
        this.#waitFor(set.slice(index));
        return;
      }
      if (failure === undefined || failure === 'refused') continue;
      this.#setAside([entry]);
      locked += 1;
    }
  }

  /** Resolves with undefined when there is nothing left to do for the set: it is written, or told why not. */
  async #attempt(set: readonly Entry<Item, Result>[]): Promise<Failure | undefined> {
    const { run, classify, onStatement, onFailure, giveUp, maxItems } = this.#options;
    onStatement?.(set.length);
    try {
      const results = await run(set.map(({ item }) => item));
      for (const [index, entry] of set.entries()) entry.resolve(results[index] as Result);
      this.#outages = 0;
      if (set.length >= this.#limit) this.#limit = Math.min(maxItems, this.#limit * 2);
      return undefined;
    } catch (error) {
      const failure = classify?.(error) ?? 'refused';
      onFailure?.(error, failure);
      const isLast = giveUp?.aborted === true && (failure === 'away' || set.length === 1);
      if (isLast || (failure === 'refused' && set.length === 1)) {
        for (const entry of set) entry.reject(error);
        return undefined;
      }
      return failure;
    }
  }

  /** Back to the front, in order, and all wait: there is nobody to write to. */
  #waitFor(set: readonly Entry<Item, Result>[]): void {
    this.#waiting.unshift(...set);
    if (this.#pause) return;
    this.#outages += 1;
    const pauseMs = this.#options.giveUp?.aborted ? 0 : this.#pauseMs(this.#outages);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#schedule();
    }, pauseMs);
  }

  #pauseMs(tries: number): number {
    return (this.#options.pauseMs ?? backoffMs)(tries);
  }

  /** @param lockedTries 1 for those that are known to meet a lock, 0 for those that may */
  #setAside(set: readonly Entry<Item, Result>[], lockedTries = 1): void {
    for (const entry of set) {
      entry.tries += lockedTries;
      entry.dueAt = performance.now() + (this.#options.giveUp?.aborted ? 0 : this.#pauseMs(entry.tries + 1));
    }
    this.#aside.add(set);
  }

  #endPauses(): void {
    if (this.#pause) {
      clearTimeout(this.#pause);
      this.#pause = undefined;
      this.#schedule();
    }
    this.#aside.hurry();
  }
}
