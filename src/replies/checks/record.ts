import { column } from '../../db/column.js';
import type { Pool } from '../../db/pool.js';
import type { Finding } from './check.js';

export interface Findings {
  appId: string;
  messageId: string;
  findings: readonly Finding[];
}

/** Puts on record what was found. Where the reply logic runs again for a message, what it found first stays. */
export async function recordFindings(pool: Pool, { appId, messageId, findings }: Findings): Promise<void> {
  await pool.query(
    `insert into wechat.reply_check (message_id, position, category, app_id, action, places)
     select $1, i.position, i.category, $2, i.action, i.places
     from unnest($3::int[], $4::text[], $5::text[], $6::int[]) as i (position, category, action, places)
     on conflict do nothing`,
    [
      messageId,
      appId,
      column(findings, ({ position }) => position),
      column(findings, ({ category }) => category),
      column(findings, ({ action }) => action),
      column(findings, ({ places }) => places),
    ],
  );
}
