export interface Hub<Value> {
  /** Tells every value that is read, and the last one at once where it is young. Returns how to stop. */
  listen(listener: (value: Value) => void): () => void;
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

/** Where a look takes long (much waits, or the database is busy), it is taken less often. */
const costFactor = 9;

/** One look for all who listen, and none while nobody does. */
export function createHub<Value>({ read, pauseMs, onError }: HubOptions<Value>): Hub<Value> {
  const listeners = new Set<(value: Value) => void>();
  let last: { value: Value; at: number } | undefined;
  let underWay: Promise<Value> | undefined;
  let timer: NodeJS.Timeout | undefined;

  function look(): Promise<Value> {
    underWay ??= read()
      .then((value) => {
        last = { value, at: performance.now() };
        // Also one that was taken for `latest`: a value may tell what is new since the one before.
        for (const listener of listeners) listener(value);
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
    }
    schedule(Math.max(pauseMs, costFactor * (performance.now() - startedAt)));
  }

  function schedule(inMs: number): void {
    clearTimeout(timer);
    timer = undefined;
    if (listeners.size > 0) timer = setTimeout(() => void round(), inMs).unref();
  }

  return {
    listen(listener) {
      const isFirst = listeners.size === 0;
      listeners.add(listener);
      const known = young();
      if (known) listener(known.value);
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
