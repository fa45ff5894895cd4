/**
 * Turns many small writes into few statements: what arrives while statements are under way is collected and
 * goes out together. Under light load an item is a statement of its own and waits for nobody. When a statement fails,
 * each of its items is tried alone, so that one that Postgres refuses takes no other with it; hence a statement must be
 * one that may run twice.
 */
export interface Coalescer<Item, Result> {
  /** Resolves with this item's result once its statement has committed. */
  add(item: Item): Promise<Result>;
  /** Items waiting or under way. */
  readonly size: number;
}

export interface CoalesceOptions<Item, Result> {
  /** Runs one statement for all items; returns a result for each, in the same order. */
  run(items: readonly Item[]): Promise<readonly Result[]>;
  maxItems: number;
  /** Statements under way at once. More than one may commit out of order. */
  maxConcurrent: number;
  /** How long an item waits for company, where nobody waits for the item; in ms, default 0. */
  lingerMs?: number;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

export function coalesce<Item, Result>({
  run,
  maxItems,
  maxConcurrent,
  lingerMs = 0,
}: CoalesceOptions<Item, Result>): Coalescer<Item, Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let underWay = 0;
  let itemsUnderWay = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || underWay >= maxConcurrent || waiting.length === 0) return;
    scheduled = true;
    if (lingerMs > 0) setTimeout(flushAll, lingerMs);
    // After this turn of the event loop: all that it still brings joins the statement.
    else setImmediate(flushAll);
  }

  function flushAll(): void {
    scheduled = false;
    while (underWay < maxConcurrent && waiting.length > 0) void flush();
  }

  async function flush(): Promise<void> {
    const batch = waiting.length > maxItems ? waiting.splice(0, maxItems) : waiting;
    if (batch === waiting) waiting = [];
    underWay += 1;
    itemsUnderWay += batch.length;
    try {
      await runTogether(batch);
    } finally {
      underWay -= 1;
      itemsUnderWay -= batch.length;
      schedule();
    }
  }

  async function runTogether(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await run(batch.map(({ item }) => item));
      for (const [index, entry] of batch.entries()) entry.resolve(results[index] as Result);
    } catch (error) {
      const [only, ...others] = batch;
      if (only && others.length === 0) only.reject(error);
      else for (const entry of batch) await runTogether([entry]);
    }
  }

  return {
    add(item) {
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        schedule();
      });
    },
    get size() {
      return waiting.length + itemsUnderWay;
    },
  };
}
