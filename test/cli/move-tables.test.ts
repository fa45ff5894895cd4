import { expect, onTestFinished, test } from 'vitest';
import { messages, ofAccount, ofMessages } from '../../src/cli/move/tables.js';
import { createTestDatabase } from '../support/database.js';

/** What an account does not take along, and why. */
const staying: Readonly<Record<string, string>> = {
  account_move: 'the record of the move itself, at both sides',
  account_move_change: 'the same',
  account_pause: 'each side has one for as long as the account moves',
  credential: 'a token is of one deployment; the target has its own',
  day_figures: 'counted from the messages, at both sides',
  lane: 'opened anew for what is not settled',
  operator_action: 'what was done stays on record where it was done',
};

test('every table of an account, a user or a message goes along when the account moves, or says why not', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const rows = await database.rows<{ name: string }>(
    `select distinct t.table_name as name
     from information_schema.tables t join information_schema.columns c using (table_schema, table_name)
     where t.table_schema = 'wechat' and t.table_type = 'BASE TABLE'
       and c.column_name in ('app_id', 'openid', 'message_id', 'delivery_id')
     order by 1`,
  );
  const moving = [messages, ...ofMessages, ...ofAccount].map(({ name }) => name);
  expect(rows.map(({ name }) => name)).toEqual([...moving, ...Object.keys(staying)].sort());
});
