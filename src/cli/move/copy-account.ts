import { copyTo } from './copy-to.js';
import type { MoveRecord } from './record.js';
import type { Sides } from './sides.js';
import { addRows, ofAccount } from './tables.js';

/** Rows of one table copied by one transaction. */
const page = 2_000;

/** What is kept of the account and its users. The account rests, so it changes no more; what the target had goes. */
export async function copyAccount(sides: Sides, record: MoveRecord): Promise<void> {
  const { appId, source } = sides;
  for (const table of ofAccount) {
    await copyTo(sides, { from: source, record }, async (at) => {
      await at.query(
        `delete from wechat.${table.name} where app_id = $1${table.name === 'handover_history' ? ' and id > $2' : ''}`,
        table.name === 'handover_history' ? [appId, record.offsets.handover] : [appId],
      );
    });
    let after: string | undefined;
    for (;;) {
      const { found, number, last } = await readPage(source, appId, table, after);
      if (found !== undefined)
        await copyTo(sides, { from: source, record }, async (at) => {
          await addRows(at, table, found, record.offsets);
        });
      if (table.page === undefined || number < page) break;
      after = last;
    }
  }
}

async function readPage(
  source: Sides['source'],
  appId: string,
  { name, page: column }: (typeof ofAccount)[number],
  after: string | undefined,
): Promise<{ found: string | undefined; number: number; last: string | undefined }> {
  const isText = column === 'openid';
  const paged =
    column === undefined
      ? ''
      : `and t.${column} > $2${isText ? '' : '::bigint'} order by t.${column} limit ${page}`;
  const { rows } = await source.query<{ found: string | null; number: number; last: string | null }>(
    `select json_agg(t)::text as found, count(*)::int as number, max(t.${column ?? 'app_id'})::text as last
     from (select * from wechat.${name} t where t.app_id = $1 ${paged}) t`,
    column === undefined ? [appId] : [appId, after ?? (isText ? '' : '0')],
  );
  const [row] = rows;
  return { found: row?.found ?? undefined, number: row?.number ?? 0, last: row?.last ?? undefined };
}
