const codeUnits = 0x1_0000;

/** Told of each place where a pattern stands: its number, and where it ends. */
export type Visit = (pattern: number, end: number) => void;

/** Finds all places of all patterns in a text. */
export type FindWords = (text: string, visit: Visit) => void;

/**
 * Many words are looked for in one pass (Aho and Corasick): the time grows with the text and with what is found, not with
 * the number of words. Steps from the root, which nearly all of a text takes, are a table; the others are in one hash table of numbers,
 * because a Map for each state costs many times as much.
 *
 * @param patterns compared unit by unit of UTF-16; an empty one is found nowhere
 */
export function createFindWords(patterns: readonly string[]): FindWords {
  const root = new Int32Array(codeUnits);
  /** Where its steps lead. */
  const first: number[] = [];
  const steps = new Map<number, Map<number, number>>();
  /** For each state: the patterns that it is. */
  const found: (number[] | undefined)[] = [undefined];
  let states = 1;

  const next = (state: number, unit: number): number | undefined =>
    state === 0 ? root[unit] || undefined : steps.get(state)?.get(unit);

  for (const [pattern, word] of patterns.entries()) {
    let state = 0;
    for (let index = 0; index < word.length; index += 1) {
      const unit = word.charCodeAt(index);
      let to = next(state, unit);
      if (to === undefined) {
        to = states;
        states += 1;
        found.push(undefined);
        if (state === 0) {
          root[unit] = to;
          first.push(to);
        } else {
          const own = steps.get(state) ?? new Map<number, number>();
          steps.set(state, own.set(unit, to));
        }
      }
      state = to;
    }
    if (state === 0) continue;
    const own = found[state] ?? [];
    own.push(pattern);
    found[state] = own;
  }
  const { fail, hit } = linkBack({ root, first, steps, found, states });
  const table = flatten(steps);

  return (text, visit) => {
    let state = 0;
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      let to = state === 0 ? 0 : table.get(state, unit);
      while (to === 0 && state !== 0) {
        state = fail[state] ?? 0;
        to = state === 0 ? 0 : table.get(state, unit);
      }
      state = state === 0 ? (root[unit] ?? 0) : to;
      for (let at = found[state] ? state : (hit[state] ?? 0); at !== 0; at = hit[at] ?? 0) {
        for (const pattern of found[at] ?? []) visit(pattern, index + 1);
      }
    }
  };
}

interface Trie {
  root: Int32Array;
  first: readonly number[];
  steps: ReadonlyMap<number, ReadonlyMap<number, number>>;
  found: readonly (readonly number[] | undefined)[];
  states: number;
}

/**
 * `fail`: the state of the longest end of what a state stands for that is a beginning of a word as well. `hit`: the nearest one on
 * that way where a word ends. Breadth first: a state's are known before those of longer ones are asked for.
 */
function linkBack({ root, first, steps, found, states }: Trie): { fail: Int32Array; hit: Int32Array } {
  const fail = new Int32Array(states);
  const hit = new Int32Array(states);
  const queue = [...first];
  for (let at = 0; at < queue.length; at += 1) {
    const state = queue[at] ?? 0;
    for (const [unit, to] of steps.get(state) ?? []) {
      let back = fail[state] ?? 0;
      let end = back === 0 ? undefined : steps.get(back)?.get(unit);
      while (end === undefined && back !== 0) {
        back = fail[back] ?? 0;
        end = back === 0 ? undefined : steps.get(back)?.get(unit);
      }
      const target = end ?? root[unit] ?? 0;
      fail[to] = target;
      hit[to] = found[target] ? target : (hit[target] ?? 0);
      queue.push(to);
    }
  }
  return { fail, hit };
}

/** Open addressing: (state, unit) to the next state; 0 for none. */
function flatten(steps: ReadonlyMap<number, ReadonlyMap<number, number>>) {
  let count = 0;
  for (const own of steps.values()) count += own.size;
  const size = 2 ** Math.ceil(Math.log2(Math.max(2 * count, 2)));
  const mask = size - 1;
  const states = new Int32Array(size);
  const units = new Uint16Array(size);
  const targets = new Int32Array(size);
  const slotOf = (state: number, unit: number) =>
    (Math.imul(state, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b)) >>> 0;
  for (const [state, own] of steps) {
    for (const [unit, to] of own) {
      let slot = mix(slotOf(state, unit)) & mask;
      while (states[slot] !== 0) slot = (slot + 1) & mask;
      states[slot] = state;
      units[slot] = unit;
      targets[slot] = to;
    }
  }
  return {
    get(state: number, unit: number): number {
      let slot = mix(slotOf(state, unit)) & mask;
      for (;;) {
        const found = states[slot];
        if (found === 0) return 0;
        if (found === state && units[slot] === unit) return targets[slot] ?? 0;
        slot = (slot + 1) & mask;
      }
    },
  };
}

/** The low bits choose the slot: they take from the high ones. */
function mix(hash: number): number {
  return (hash ^ (hash >>> 15)) >>> 0;
}
