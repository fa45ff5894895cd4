/** One line of two texts: its number in each, from 1; undefined where it is not there. */
export interface DiffLine {
  kind: 'same' | 'added' | 'removed';
  text: string;
  from: number | undefined;
  to: number | undefined;
}

/** Beyond so many differences nobody reads them line by line: the rest counts as taken out and put in. It bounds time and memory. */
const mostDifferences = 1_500;

/** The fewest lines to take out of `before` and to put into it that make it `after` (Myers' way). */
export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const common = walk(a.slice(start, a.length - end), b.slice(start, b.length - end));
  const lines: DiffLine[] = [];
  let [x, y] = [0, 0];
  const same = (count: number) => {
    for (; count > 0; count--) lines.push({ kind: 'same', text: a[x] ?? '', from: ++x, to: ++y });
  };
  const changed = (untilX: number, untilY: number) => {
    while (x < untilX) lines.push({ kind: 'removed', text: a[x] ?? '', from: ++x, to: undefined });
    while (y < untilY) lines.push({ kind: 'added', text: b[y] ?? '', from: undefined, to: ++y });
  };
  same(start);
  for (const [inA, inB] of common) {
    changed(start + inA, start + inB);
    same(1);
  }
  changed(a.length - end, b.length - end);
  same(end);
  return lines;
}

/** How far each diagonal has come, by its number; what lies beyond -1 has not begun. */
type Reached = (diagonal: number) => number;

/** @returns pairs of places that are equal, in their order */
function walk(a: readonly string[], b: readonly string[]): [number, number][] {
  const most = Math.min(a.length + b.length, mostDifferences);
  const middle = most + 1;
  const furthest = new Int32Array(2 * middle + 1);
  const trace: Reached[] = [];
  for (let d = 0; d <= most; d++) {
    const before = furthest.slice(middle - d - 1, middle + d + 2);
    const reached: Reached = (k) => before[k + d + 1] ?? -1;
    trace.push(reached);
    for (let k = -d; k <= d; k += 2) {
      let x = isDown(reached, k, d) ? reached(k + 1) : reached(k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      furthest[middle + k] = x;
      if (x >= a.length && x - k >= b.length) return back(trace, a.length, b.length);
    }
  }
  return [];
}

/** Whether the way to this diagonal puts a line in (down), or takes one out: the one that came further. */
const isDown = (reached: Reached, k: number, d: number) =>
  k === -d || (k !== d && reached(k - 1) < reached(k + 1));

function back(trace: readonly Reached[], lengthA: number, lengthB: number): [number, number][] {
  const pairs: [number, number][] = [];
  let [x, y] = [lengthA, lengthB];
  for (const [d, reached] of [...trace.entries()].reverse()) {
    const k = x - y;
    const down = isDown(reached, k, d);
    const begin = down ? reached(k + 1) : reached(k - 1) + 1;
    while (x > begin && y > begin - k) pairs.push([--x, --y]);
    [x, y] = down ? [x, y - 1] : [x - 1, y];
  }
  return pairs.reverse();
}
