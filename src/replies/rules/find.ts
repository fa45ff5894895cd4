import { createFindWords } from '../../lib/find-words.js';
import { type Groups, judge } from './conditions.js';
import type { Key, Rule, Rules } from './rules.js';
import type { Subject } from './subject.js';

export interface Found {
  readonly rule: Rule;
  /** Its place in the order in which rules are tried. */
  readonly rank: number;
  readonly groups: Groups;
}

/** The first rule that applies. */
export type FindRule = (subject: Subject) => Found | undefined;

/**
 * An index over the rules: words, keys and names lead to the few rules that they are of, so that a message costs the same with ten
 * rules and with thousands. What has no such key (expressions, prefixes, types, hours) is asked one by one, in its turn.
 */
export function createFindRule({ rules }: Rules): FindRule {
  const index = buildIndex(rules);
  return (subject) => {
    const keyed = index.candidates(subject);
    const { unkeyed } = index;
    let [inKeyed, inUnkeyed] = [0, 0];
    let last = -1;
    for (;;) {
      const rank = Math.min(keyed[inKeyed] ?? rules.length, unkeyed[inUnkeyed] ?? rules.length);
      const rule = rules[rank];
      if (!rule) return undefined;
      const isKeyed = keyed[inKeyed] === rank;
      if (isKeyed) inKeyed++;
      else inUnkeyed++;
      // A word that is in the text twice, or a rule that has words and expressions.
      if (rank === last) continue;
      last = rank;
      const verdict = judge(rule, subject, isKeyed ? 'yes' : 'no');
      if (verdict.applies) return { rule, rank, groups: verdict.groups };
    }
  };
}

interface Index {
  /** Ranks of rules that may apply, ascending. */
  candidates(subject: Subject): number[];
  /** Ranks of those that no key leads to, ascending. */
  readonly unkeyed: readonly number[];
}

function buildIndex(rules: readonly Rule[]): Index {
  const equals = new Map<string, number[]>();
  const choices = new Map<string, number[]>();
  const clicks = new Map<string, number[]>();
  const scans = new Map<string, number[]>();
  const events = new Map<string, number[]>();
  const contains: [string, number][] = [];
  const unkeyed: number[] = [];

  for (const [rank, { when }] of rules.entries()) {
    const { keyword } = when;
    if (keyword) {
      for (const word of keyword.equals) add(equals, word, rank);
      for (const word of keyword.contains) contains.push([word, rank]);
      if (keyword.matches.length > 0) unkeyed.push(rank);
    } else if (when.choices) {
      for (const id of when.choices) add(choices, id, rank);
    } else if (isExact(when.clicks)) {
      for (const { text } of when.clicks) add(clicks, text, rank);
    } else if (isExact(when.scans)) {
      for (const { text } of when.scans) add(scans, text, rank);
    } else if (when.events) {
      for (const name of when.events) add(events, name, rank);
    } else {
      unkeyed.push(rank);
    }
  }
  const findWords = createFindWords(contains.map(([word]) => word));

  return {
    unkeyed,
    candidates({ message, folded, scene }) {
      const ranks: number[] = [];
      const take = (some: readonly number[] | undefined) => {
        if (some) ranks.push(...some);
      };
      if (folded !== undefined) {
        take(equals.get(folded));
        findWords(folded, (number) => {
          const [, rank] = contains[number] ?? [];
          if (rank !== undefined) ranks.push(rank);
        });
      }
      if (message.kind === 'text' && message.menuId !== undefined) take(choices.get(message.menuId));
      if (message.kind === 'event') {
        take(events.get(message.name));
        if (message.event === 'click') take(clicks.get(message.key));
        if (scene !== undefined) take(scans.get(scene));
      }
      return ranks.length > 1 ? ranks.sort((a, b) => a - b) : ranks;
    },
  };
}

function isExact(keys: readonly Key[] | undefined): keys is readonly Key[] {
  return keys?.every(({ isPrefix }) => !isPrefix) ?? false;
}

function add(map: Map<string, number[]>, key: string, rank: number): void {
  const ranks = map.get(key);
  if (ranks) ranks.push(rank);
  else map.set(key, [rank]);
}

/** The default answers what users say and send; events it leaves alone. */
export function isForDefault({ message }: Subject): boolean {
  return message.kind !== 'event';
}

/** What the default answer is called beside the names of rules. */
export const defaultName = 'default';
