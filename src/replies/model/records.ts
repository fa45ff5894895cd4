import type { Pool } from '../../db/pool.js';
import type { Usage } from './call.js';
import type { ModelSettings } from './schema.js';
import { storableText } from './storable.js';
import type { TroubleKind } from './trouble.js';

/** What a call of the model is made for. */
export interface CallSubject {
  messageId: string;
  appId: string;
  openid: string;
  purpose: 'answer' | 'summary';
  /** From 1. */
  step: number;
}

export type CallEnd =
  | { outcome: 'completed'; finishReason: string | undefined; usage: Usage }
  | { outcome: TroubleKind; error: string };

/** The record of all calls, for analysts and for budgets. */
export interface CallRecords {
  /** @returns the id of its row */
  begin(subject: CallSubject): Promise<string>;
  /** Called twice, the first end holds. */
  end(id: string, end: CallEnd): Promise<void>;
  /** How many calls for this message's answer failed so far, and when the first one was made. */
  failures(messageId: string): Promise<{ count: number; since: Date | undefined }>;
}

/** A call of this step that has no end is one of a process that died: one message is answered by one process at a time. */
const beginSql = `
  with lost as (
    update wechat.model_call set outcome = 'lost', finished_at = now()
    where message_id = $1 and purpose = $4 and step = $5 and outcome is null
  )
  insert into wechat.model_call (message_id, app_id, openid, purpose, step, model) values ($1, $2, $3, $4, $5, $6)
  returning id`;

const endSql = `
  update wechat.model_call
  set finished_at = now(), outcome = $2, finish_reason = $3, prompt_tokens = $4, completion_tokens = $5,
      tokens_estimated = $6, cost = $7, currency = $8, error = $9
  where id = $1 and outcome is null`;

const failuresSql = `
  select count(*)::integer as count, min(started_at) as since
  from wechat.model_call where message_id = $1 and purpose = 'answer' and outcome <> 'completed'`;

const maxErrorLength = 500;

export function createCallRecords(
  pool: Pool,
  { model, prices }: Pick<ModelSettings, 'model' | 'prices'>,
): CallRecords {
  return {
    async begin({ messageId, appId, openid, purpose, step }) {
      const values = [messageId, appId, openid, purpose, step, model];
      const { rows } = await pool.query<{ id: string }>({ name: 'model_call_begin', text: beginSql, values });
      const [row] = rows;
      if (!row) throw new Error('the call of the model was not written down');
      return row.id;
    },

    async end(id, end) {
      const values =
        end.outcome === 'completed'
          ? [
              ...[id, end.outcome, end.finishReason ?? null],
              ...[end.usage.promptTokens, end.usage.completionTokens, end.usage.isEstimate],
              ...[costOf(end.usage, prices), prices?.currency ?? null, null],
            ]
          : [id, end.outcome, null, null, null, false, null, null, storableText(end.error, maxErrorLength)];
      await pool.query({ name: 'model_call_end', text: endSql, values });
    },

    async failures(messageId) {
      const { rows } = await pool.query<{ count: number; since: Date | null }>({
        ...{ name: 'model_call_failures', text: failuresSql, values: [messageId] },
      });
      const [row] = rows;
      return { count: row?.count ?? 0, since: row?.since ?? undefined };
    },
  };
}

/** Prices are per million tokens. */
function costOf({ promptTokens, completionTokens }: Usage, prices: ModelSettings['prices']): string | null {
  if (!prices) return null;
  return ((promptTokens * prices.input + completionTokens * prices.output) / 1_000_000).toFixed(8);
}
