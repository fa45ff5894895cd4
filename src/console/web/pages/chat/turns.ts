import type { Conversation, Turn } from '../../../contract/conversations.js';

/** What of a conversation is on the page: its head as last heard, and the turns of all pages that were asked for. */
export interface Shown {
  head: Omit<Conversation, 'turns' | 'earlier'>;
  turns: Turn[];
  earlier: string | null;
}

/**
 * The newest page over what is shown. Its turns replace their older selves, whose states have changed. Where the two do not
 * touch, more came than a page holds: only the newest page is shown then, and what is between is asked for again.
 */
export function withNewest(shown: Shown | undefined, page: Conversation): Shown {
  const { turns, earlier, ...head } = page;
  const fresh = new Set(turns.map((turn) => turn.key));
  const touches = shown?.turns.findIndex((turn) => fresh.has(turn.key)) ?? -1;
  if (!shown || touches < 0) return { head, turns, earlier };
  return {
    head,
    turns: [...shown.turns.slice(0, touches), ...turns],
    earlier: touches > 0 ? shown.earlier : earlier,
  };
}

/** The page before what is shown. Its head is not newer. */
export function withEarlier(shown: Shown, page: Conversation): Shown {
  const known = new Set(shown.turns.map((turn) => turn.key));
  const before = page.turns.filter((turn) => !known.has(turn.key));
  return { head: shown.head, turns: [...before, ...shown.turns], earlier: page.earlier };
}

/** Turns by the reader's day, for the lines between. */
export function byDay(turns: readonly Turn[]): { day: string; turns: Turn[] }[] {
  const days: { day: string; turns: Turn[] }[] = [];
  for (const turn of turns) {
    const day = new Date(turn.at).toDateString();
    const last = days.at(-1);
    if (last?.day === day) last.turns.push(turn);
    else days.push({ day, turns: [turn] });
  }
  return days;
}
