/** Told of each place where a pattern stands: its number, and where it ends. */
export type Visit = (pattern: number, end: number) => void;

/** Finds all places of all patterns in a text. */
export type FindWords = (text: string, visit: Visit) => void;

/**
 * Many words are looked for in one pass (Aho and Corasick): the time grows with the text and with what is found, not with
 * the number of words.
 *
 * @param patterns compared unit by unit of UTF-16; an empty one is found nowhere
 */
export function createFindWords(patterns: readonly string[]): FindWords {
  const tree = plant(patterns);
  const { next, fallback, found, shorter } = tree;

  return (text, visit) => {
    let node = root;
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      let child = next.get(node * units + unit);
      while (child === undefined && node !== root) {
        node = fallback[node] ?? root;
        child = next.get(node * units + unit);
      }
      node = child ?? root;
      for (let at = found[node] ? node : (shorter[node] ?? root); at !== root; at = shorter[at] ?? root) {
        for (const pattern of found[at] ?? []) visit(pattern, index + 1);
      }
    }
  };
}

const root = 0;
/** Of UTF-16: a branch is known by the number of its node and its unit. */
const units = 0x1_0000;

interface Tree {
  /** A branch to the node that it leads to. */
  next: Map<number, number>;
  /** For each node: that of the longest other beginning of a pattern with which it ends. */
  fallback: number[];
  /** For each node: the patterns that it is. */
  found: (number[] | undefined)[];
  /** For each node: the longest pattern, as a node, with which it ends beside itself. */
  shorter: number[];
}

function plant(patterns: readonly string[]): Tree {
  const next = new Map<number, number>();
  const found: (number[] | undefined)[] = [undefined];
  const children: { unit: number; node: number }[][] = [[]];
  for (const [number, pattern] of patterns.entries()) {
    let node = root;
    for (let index = 0; index < pattern.length; index += 1) {
      const unit = pattern.charCodeAt(index);
      let child = next.get(node * units + unit);
      if (child === undefined) {
        child = found.length;
        found.push(undefined);
        children.push([]);
        next.set(node * units + unit, child);
        children[node]?.push({ unit, node: child });
      }
      node = child;
    }
    if (node === root) continue;
    found[node] = [...(found[node] ?? []), number];
  }
  return { next, found, ...link(next, found, children) };
}

/** From the root outward: a fallback is nearer to it than its node. */
function link(
  next: ReadonlyMap<number, number>,
  found: readonly (number[] | undefined)[],
  children: readonly (readonly { unit: number; node: number }[])[],
): Pick<Tree, 'fallback' | 'shorter'> {
  const fallback = new Array<number>(found.length).fill(root);
  const shorter = new Array<number>(found.length).fill(root);
  const queue = [root];
  for (const node of queue) {
    for (const { unit, node: child } of children[node] ?? []) {
      let at = node;
      let target: number | undefined;
      while (at !== root && target === undefined) {
        at = fallback[at] ?? root;
        target = next.get(at * units + unit);
      }
      fallback[child] = target ?? root;
      const behind = fallback[child];
      shorter[child] = found[behind] ? behind : (shorter[behind] ?? root);
      queue.push(child);
    }
  }
  return { fallback, shorter };
}
