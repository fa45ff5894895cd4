/**
 * Work that whoever wants the same shares: it is done once, and what it holds is kept until the last of them has let go of it.
 */
export interface Shared<Result> {
  /** Joins the work of this name, or starts it. `letGo` must be called once, when the result is not needed any more. */
  join(name: string, work: (hold: (release: () => void) => void) => Promise<Result>): Promise<Joined<Result>>;
}

export interface Joined<Result> {
  result: Result;
  letGo(): void;
}

interface UnderWay<Result> {
  result: Promise<Result>;
  users: number;
  releases: (() => void)[];
}

export function createShared<Result>(): Shared<Result> {
  const all = new Map<string, UnderWay<Result>>();

  function letGo(name: string, one: UnderWay<Result>): void {
    one.users -= 1;
    if (one.users > 0) return;
    if (all.get(name) === one) all.delete(name);
    for (const release of one.releases) release();
  }

  return {
    async join(name, work) {
      let one = all.get(name);
      if (!one) {
        const releases: (() => void)[] = [];
        one = { result: work((release) => releases.push(release)), users: 0, releases };
        all.set(name, one);
      }
      const joined = one;
      joined.users += 1;
      try {
        const result = await joined.result;
        return { result, letGo: () => letGo(name, joined) };
      } catch (error) {
        letGo(name, joined);
        throw error;
      }
    },
  };
}
