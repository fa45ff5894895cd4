import { z } from 'zod';
import type { Pool } from '../../../db/pool.js';
import { say } from '../../../lib/language.js';
import type { SavedAnswer } from '../../contract/conversations.js';
import { text as textOf } from '../http/input.js';
import { Refusal } from '../http/refusal.js';
import { asPerson } from '../http/transaction.js';

export const savedAnswerShape = z.strictObject({
  title: textOf(100).trim().min(1),
  text: textOf(4_000).refine((text) => text.trim() !== ''),
  account: textOf(64).min(1).nullable(),
});
export type SavedAnswerRequest = z.infer<typeof savedAnswerShape>;

/** More than anybody would look through. */
const most = 1_000;

const columns = 'id, title, text, app_id as account';

/** By title. Of an account: its own and those for all. */
export async function listSavedAnswers(pool: Pool, account: string | undefined): Promise<SavedAnswer[]> {
  const { rows } = await pool.query<SavedAnswer>(
    `select ${columns} from wechat.saved_answer a
     where $1::text is null or a.app_id is null or a.app_id = $1
     order by title, id limit ${most}`,
    [account ?? null],
  );
  return rows;
}

/** @throws Refusal where there is another of the title, or there are too many */
export function addSavedAnswer(pool: Pool, agent: string, answer: SavedAnswerRequest): Promise<SavedAnswer> {
  const { account, title, text } = answer;
  return uniquely(() =>
    change(pool, agent, {
      action: 'saved_answer_add',
      text: `insert into wechat.saved_answer (app_id, title, text, updated_by)
        select $1, $2, $3, $4 where (select count(*) from wechat.saved_answer) < ${most}
        returning ${columns}`,
      values: [account, title, text, agent],
      none: () =>
        new Refusal(409, 'too_many', say(`There are ${most} already`, `常用回复已有 ${most} 条，达到上限`)),
    }),
  );
}

/** @throws Refusal where it is gone, or there is another of the title */
export function changeSavedAnswer(
  pool: Pool,
  agent: string,
  id: string,
  { account, title, text }: SavedAnswerRequest,
): Promise<SavedAnswer> {
  return uniquely(() =>
    change(pool, agent, {
      action: 'saved_answer_change',
      text: `update wechat.saved_answer set app_id = $1, title = $2, text = $3, updated_by = $4, updated_at = now()
        where id = $5 returning ${columns}`,
      values: [account, title, text, agent, id],
      none: gone,
    }),
  );
}

/** @throws Refusal where it is gone */
export function dropSavedAnswer(pool: Pool, agent: string, id: string): Promise<SavedAnswer> {
  return change(pool, agent, {
    action: 'saved_answer_drop',
    text: `delete from wechat.saved_answer where id = $1 returning ${columns}`,
    values: [id],
    none: gone,
  });
}

interface Change {
  action: string;
  text: string;
  values: unknown[];
  /** Why nothing was changed. */
  none(): Refusal;
}

function change(pool: Pool, agent: string, { action, text, values, none }: Change): Promise<SavedAnswer> {
  return asPerson(pool, agent, async (client) => {
    const { rows } = await client.query<SavedAnswer>(text, values);
    const [row] = rows;
    if (!row) throw none();
    await client.query('select wechat.record_action($1, $2, $3::jsonb, 1)', [
      action,
      row.account,
      JSON.stringify({ saved_answer: row.id }),
    ]);
    return row;
  });
}

const gone = () => new Refusal(404, 'not_found', say('There is no such saved answer', '没有这条常用回复'));

async function uniquely<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    // unique_violation, of saved_answer_title: the title once for each account.
    if (error instanceof Error && 'code' in error && error.code === '23505')
      throw new Refusal(409, 'title_taken', say('There is another of this title', '已有同名的常用回复'));
    throw error;
  }
}
