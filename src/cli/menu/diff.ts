/** A line of two texts: in both, in the first alone, or in the second alone. */
export interface DiffLine {
  sign: ' ' | '-' | '+';
  line: string;
}

/** By the longest common subsequence: menus have some hundred lines. */
export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [linesOf(before), linesOf(after)];
  const common = lengths(a, b);
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  const lines: DiffLine[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const [left, right] = [a[i], b[j]];
    if (left !== undefined && left === right) {
      lines.push({ sign: ' ', line: left });
      i += 1;
      j += 1;
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: '-', line: left });
      i += 1;
    } else {
      lines.push({ sign: '+', line: right ?? '' });
      j += 1;
    }
  }
  return lines;
}

/** Around what changed, with a mark where lines are left out. */
export function describeDiff(lines: readonly DiffLine[], around = 3): string[] {
  const isNear = (place: number) =>
    lines.slice(Math.max(0, place - around), place + around + 1).some(({ sign }) => sign !== ' ');
  return lines.flatMap(({ sign, line }, place) => {
    if (isNear(place)) return [`${sign} ${line}`];
    return place === 0 || isNear(place - 1) ? ['  …'] : [];
  });
}

/** Of what begins at i and j, how many lines both have in common. */
function lengths(a: readonly string[], b: readonly string[]): number[][] {
  const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    const [row = [], next = []] = [table[i], table[i + 1]];
    for (let j = b.length - 1; j >= 0; j -= 1) {
      row[j] = a[i] === b[j] ? (next[j + 1] ?? 0) + 1 : Math.max(next[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return table;
}

function linesOf(content: string): string[] {
  return content === '' ? [] : content.replace(/\n$/, '').split('\n');
}
