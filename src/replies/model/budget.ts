import type { Pool } from '../../db/pool.js';
import type { ModelSettings } from './schema.js';

/** Whether a user, or an account, has had what the model may be used for in a day. */
export interface Budget {
  isUsedUp(subject: { messageId: string; openid: string }): Promise<boolean>;
}

type BudgetSettings = NonNullable<ModelSettings['budget']>;

interface Used {
  messages: number;
  tokens: number;
}

/**
 * Counted over the calls since the day began, found by an index. Calls under way count as messages; calls that failed count for
 * nothing. The message itself is left out, so that the answer is the same when it is asked again.
 */
const usedSql = `
  select count(distinct message_id) filter (where purpose = 'answer')::float8 as messages,
    coalesce(sum(coalesce(prompt_tokens, 0) + coalesce(completion_tokens, 0)), 0)::float8 as tokens
  from wechat.model_call
  where app_id = $1 and started_at >= date_trunc('day', $2::timestamptz at time zone $3) at time zone $3
    and message_id <> $4 and (outcome is null or outcome = 'completed')`;

/** A whole account may have many calls a day: they are not counted for each message. */
const accountCacheMs = 2_000;

export function createBudget(
  pool: Pool,
  { appId, settings, clock }: { appId: string; settings: BudgetSettings; clock: () => Date },
): Budget {
  let counted: { used: Promise<Used>; at: number } | undefined;

  async function count(messageId: string, openid: string | undefined): Promise<Used> {
    const values = [appId, clock(), settings.zone, messageId];
    const { rows } = await pool.query<Used>(
      openid === undefined
        ? { name: 'model_used_account', text: usedSql, values }
        : { name: 'model_used_user', text: `${usedSql} and openid = $5`, values: [...values, openid] },
    );
    return rows[0] ?? { messages: 0, tokens: 0 };
  }

  function countAccount(messageId: string): Promise<Used> {
    const now = clock().getTime();
    if (!counted || Math.abs(now - counted.at) > accountCacheMs) {
      const used = count(messageId, undefined);
      counted = { used, at: now };
      used.catch(() => {
        counted = undefined;
      });
    }
    return counted.used;
  }

  return {
    async isUsedUp({ messageId, openid }) {
      if (settings.user && exceeds(await count(messageId, openid), settings.user)) return true;
      return settings.account !== undefined && exceeds(await countAccount(messageId), settings.account);
    },
  };
}

function exceeds(
  used: Used,
  { messages, tokens }: { messages?: number | undefined; tokens?: number | undefined },
): boolean {
  return (
    (messages !== undefined && used.messages >= messages) || (tokens !== undefined && used.tokens >= tokens)
  );
}
