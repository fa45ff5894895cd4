import type { TestDatabase } from './database.js';

interface Forgotten {
  messages: number;
  deliveries: number;
  given_up: number;
  in_hand: number;
}

/** What wechat.forget says of the user `openid`. */
export async function forget({ rows }: Pick<TestDatabase, 'rows'>, account: string, user: string) {
  const [forgotten] = await rows<Forgotten & Record<string, unknown>>('select * from wechat.forget($1, $2)', [
    account,
    user,
  ]);
  return forgotten;
}

/** Tables of the schema with a row in which this stands, in whatever column. */
export async function tablesWith({ rows }: Pick<TestDatabase, 'rows'>, words: string): Promise<string[]> {
  const tables = await rows<{ name: string }>(
    `select 'wechat.' || relname as name from pg_class
     where relnamespace = 'wechat'::regnamespace and relkind in ('r', 'p', 'm') order by 1`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const hits = await rows(`select from ${name} as one where strpos(one::text, $1) > 0`, [words]);
    if (hits.length > 0) found.push(name);
  }
  return found;
}
