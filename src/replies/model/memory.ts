import type { Pool } from '../../db/pool.js';
import type { Turn } from '../router.js';
import { estimateMessageTokens } from './tokens.js';

/** Ids are numbers of 64 bits as text. */
const isLater = (id: string, than: string) => BigInt(id) > BigInt(than);

/** What is stored of a conversation beside its messages. */
export interface StoredMemory {
  forgottenUpTo: string;
  summary: string | undefined;
  summaryUpTo: string;
}

export interface MemoryStore {
  get(openid: string): Promise<StoredMemory>;
  /** The model sees nothing any more of what was said up to this message. */
  forget(openid: string, messageId: string): Promise<void>;
  /** Not over a mark of `forget` that was set meanwhile. */
  summarise(openid: string, summary: { text: string; upTo: string }): Promise<void>;
}

const forgetSql = `
  insert into wechat.model_memory as known (app_id, openid, forgotten_up_to) values ($1, $2, $3)
  on conflict (app_id, openid) do update
  set forgotten_up_to = greatest(known.forgotten_up_to, excluded.forgotten_up_to), summary = null, summary_up_to = 0,
      updated_at = now()`;

const summariseSql = `
  insert into wechat.model_memory as known (app_id, openid, summary, summary_up_to) values ($1, $2, $3, $4)
  on conflict (app_id, openid) do update
  set summary = excluded.summary, summary_up_to = excluded.summary_up_to, updated_at = now()
  where known.forgotten_up_to < excluded.summary_up_to and known.summary_up_to < excluded.summary_up_to`;

export function createMemoryStore(pool: Pool, appId: string): MemoryStore {
  return {
    async get(openid) {
      const { rows } = await pool.query<{ forgotten: string; summary: string | null; up_to: string }>({
        name: 'model_memory',
        text: `select forgotten_up_to::text as forgotten, summary, summary_up_to::text as up_to
          from wechat.model_memory where app_id = $1 and openid = $2`,
        values: [appId, openid],
      });
      const [row] = rows;
      return {
        forgottenUpTo: row?.forgotten ?? '0',
        summary: row?.summary ?? undefined,
        summaryUpTo: row?.up_to ?? '0',
      };
    },
    async forget(openid, messageId) {
      const values = [appId, openid, messageId];
      await pool.query({ name: 'model_forget', text: forgetSql, values });
    },
    async summarise(openid, { text, upTo }) {
      const values = [appId, openid, text, upTo];
      await pool.query({ name: 'model_summarise', text: summariseSql, values });
    },
  };
}

export interface SaidTurn extends Turn {
  text: string;
}

/** What the model may see word by word, and what has become too long for that. */
export interface Recalled {
  kept: readonly SaidTurn[];
  /** The older part, to be put into the summary; whole messages with their answers. */
  surplus: readonly SaidTurn[];
}

/**
 * Divides what was said, oldest first. As long as it is within the budget, all is kept; beyond it, the newest half of the budget: so
 * a summary is due once in a while, not with every message.
 */
export function divide(
  turns: readonly Turn[],
  { forgottenUpTo, summaryUpTo }: Pick<StoredMemory, 'forgottenUpTo' | 'summaryUpTo'>,
  budget: { turns: number; tokens: number },
): Recalled {
  const seen = turns.filter(
    (turn): turn is SaidTurn =>
      turn.text !== undefined &&
      turn.text.trim() !== '' &&
      isLater(turn.messageId, forgottenUpTo) &&
      isLater(turn.messageId, summaryUpTo),
  );
  if (fitting(seen, budget) === 0) return { kept: seen, surplus: [] };
  const start = fitting(seen, { turns: Math.ceil(budget.turns / 2), tokens: Math.ceil(budget.tokens / 2) });
  const last = seen[start - 1]?.messageId;
  if (last === undefined) return { kept: seen, surplus: [] };
  // An answer goes with its message.
  const isOlder = (turn: SaidTurn) => !isLater(turn.messageId, last);
  return { kept: seen.filter((turn) => !isOlder(turn)), surplus: seen.filter(isOlder) };
}

/** The position from which on the turns are within the budget. */
function fitting(turns: readonly SaidTurn[], budget: { turns: number; tokens: number }): number {
  let tokens = 0;
  let start = turns.length;
  while (start > 0 && turns.length - start < budget.turns) {
    tokens += estimateMessageTokens(turns[start - 1]?.text ?? '');
    if (tokens > budget.tokens) break;
    start -= 1;
  }
  return start;
}
