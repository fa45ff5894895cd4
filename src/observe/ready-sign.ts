export interface ReadySignOptions {
  /** Looks at the checks; never rejects. */
  look(): Promise<boolean>;
  isStopping(): boolean;
  /** Milliseconds that never run backwards. */
  now(): number;
}

/** So often, at most, whoever asks: a stranger's questions must not become the database's. */
const lastsMs = 1_000;

/**
 * Whether the process is ready, for a port that anybody may ask: one look at a time, shared by all who ask meanwhile, and
 * good for a second. A stop is told at once.
 */
export function createReadySign({ look, isStopping, now }: ReadySignOptions): () => Promise<boolean> {
  let latest: Promise<boolean> | undefined;
  let endsAt = Number.POSITIVE_INFINITY;

  function lookAgain(): Promise<boolean> {
    // Until it is answered, however long that takes.
    endsAt = Number.POSITIVE_INFINITY;
    const startedAt = now();
    return look().finally(() => {
      endsAt = Math.max(now(), startedAt + lastsMs);
    });
  }

  return async () => {
    if (isStopping()) return false;
    if (!latest || now() >= endsAt) latest = lookAgain();
    return (await latest) && !isStopping();
  };
}
