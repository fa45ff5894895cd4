/** What a command started and has to stop. */
export interface Stops {
  push(stop: () => Promise<unknown>): void;
  /** Stops what was started last first, and all of it once: a signal breaks off what runs, whose end then waits for the same. */
  all(): Promise<void>;
}

export function createStops(): Stops {
  const stops: (() => Promise<unknown>)[] = [];
  let stopping: Promise<void> | undefined;

  async function stopAll(): Promise<void> {
    for (const stop of stops.toReversed())
      await stop().catch((error: unknown) => console.error(`clean-up: ${error}`));
  }

  return {
    push: (stop) => void stops.push(stop),
    all() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}
