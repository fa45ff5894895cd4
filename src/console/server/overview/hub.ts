export interface Hub<Value> {
  /**
   * Tells every value that is read, and the last one at once where it is young; and by `failed` that a look brought none: what was told
   * before is of no use any more as what is so now. Returns how to stop.
   */
  listen(listener: (value: Value) => void, failed?: () => void): () => void;
  /** The last value where it is young, else a new one. */
  latest(): Promise<Value>;
  readonly listeners: number;
}

export interface HubOptions<Value> {
  read(): Promise<Value>;
  /** From the end of a look to the next, while anybody listens. */
  pauseMs: number;
  onError(error: unknown): void;
}

interface Listener<Value> {
  told(value: Value): void;
  failed(): void;
}

/** Where a look takes long (much waits, or the database is busy), it is taken less often. */
const costFactor = 9;

/** One look for all who listen, and none while nobody does. */
export function createHub<Value>({ read, pauseMs, onError }: HubOptions<Value>): Hub<Value> {
  const listeners = new Set<Listener<Value>>();
  let last: { value: Value; at: number } | undefined;
  let underWay: Promise<Value> | undefined;
  let timer: NodeJS.Timeout | undefined;

  function look(): Promise<Value> {
    underWay ??= read()
      .then((value) => {
        last = { value, at: performance.now() };
        // Also one that was taken for `latest`: a value may tell what is new since the one before.
        for (const { told } of listeners) told(value);
        return value;
      })
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  }

  const young = () => (last && performance.now() - last.at < pauseMs ? last : undefined);

  async function round(): Promise<void> {
    const startedAt = performance.now();
    try {
      await look();
    } catch (error) {
      onError(error);
      for (const { failed } of listeners) failed();
    }
    schedule(Math.max(pauseMs, costFactor * (performance.now() - startedAt)));
  }

  function schedule(inMs: number): void {
    clearTimeout(timer);
    timer = undefined;
    if (listeners.size > 0) timer = setTimeout(() => void round(), inMs).unref();
  }

  return {
    listen(told, failed = () => undefined) {
      const isFirst = listeners.size === 0;
      const listener = { told, failed };
      listeners.add(listener);
      const known = young();
      if (known) told(known.value);
      if (isFirst) schedule(known ? pauseMs : 0);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) schedule(0);
      };
    },
    async latest() {
      return young()?.value ?? look();
    },
    get listeners() {
      return listeners.size;
    },
  };
}
