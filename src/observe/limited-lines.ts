/** Lines of one kind a second that are written; the others are counted, and told with the next that is. */
const mostInASecond = 10;

interface Kind {
  secondEndsAt: number;
  written: number;
  unlogged: number;
}

/**
 * For lines that strangers can cause: a line for each would let them fill the log, and none would hide them.
 *
 * @param now milliseconds that never run backwards
 * @returns what to do with a line of this kind, of which there must be few: write it, with how many were left out since the
 * last one, or nothing
 */
export function createLimitedLines(
  now: () => number,
): (kind: string, write: (unlogged: number | undefined) => void) => void {
  const kinds = new Map<string, Kind>();

  return (name, write) => {
    const kind = kinds.get(name) ?? { secondEndsAt: Number.NEGATIVE_INFINITY, written: 0, unlogged: 0 };
    kinds.set(name, kind);
    if (now() >= kind.secondEndsAt) {
      kind.secondEndsAt = now() + 1_000;
      kind.written = 0;
    }
    if (kind.written >= mostInASecond) {
      kind.unlogged += 1;
      return;
    }
    kind.written += 1;
    write(kind.unlogged > 0 ? kind.unlogged : undefined);
    kind.unlogged = 0;
  };
}
