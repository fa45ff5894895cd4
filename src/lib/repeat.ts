export interface Repeated {
  /** Resolves when the round that is under way has ended; none follows. */
  stop(): Promise<void>;
}

export interface RepeatOptions {
  /** Between the end of a round and the next; asked anew each time. */
  pauseMs: number | (() => number);
  round(): Promise<void>;
  /** Told of a round that failed; the next comes all the same. */
  onError(error: unknown): void;
  random(): number;
  /**
   * The pause is at least so many times as long as the round took, for rounds that cost more the more there is, and that nobody
   * waits for. Default: 0.
   */
  costFactor?: number;
}

/** Runs rounds until stopped, one at a time, with jitter: processes that started together must not make them together. */
export function repeat({ pauseMs, round, onError, random, costFactor = 0 }: RepeatOptions): Repeated {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let underWay = Promise.resolve();

  async function run(): Promise<void> {
    const startedAt = performance.now();
    try {
      await round();
    } catch (error) {
      onError(error);
    }
    schedule(costFactor * (performance.now() - startedAt));
  }

  function schedule(atLeastMs: number): void {
    if (stopped) return;
    const wantedMs = typeof pauseMs === 'number' ? pauseMs : pauseMs();
    timer = setTimeout(
      () => {
        underWay = run();
      },
      Math.max(wantedMs, atLeastMs) * (0.8 + 0.4 * random()),
    );
  }

  schedule(0);
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      return underWay;
    },
  };
}
