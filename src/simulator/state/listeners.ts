/** Who wants to be told of something, in the order in which they asked. */
export interface Listeners<T> {
  /** @returns how to stop listening */
  add(listener: (value: T) => void): () => void;
  notify(value: T): void;
}

/** A listener that throws is reported as an uncaught exception and disturbs neither WeChat nor the others. */
export function createListeners<T>(): Listeners<T> {
  const listeners = new Set<(value: T) => void>();
  return {
    add(listener) {
      // A function of its own: the same listener added twice is told twice.
      const own = (value: T) => listener(value);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    notify(value) {
      for (const listener of [...listeners]) {
        try {
          listener(value);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}
