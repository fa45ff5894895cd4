import type { Pool } from '../../db/pool.js';
import type { Subject } from '../context.js';
import type { JsonValue } from '../router.js';
import { ContextError } from './errors.js';
import { toStoredJson } from './json.js';

export interface OnceDependencies {
  pool: Pool;
  /** Repeats a statement while Postgres is away. */
  durably<T>(statement: () => Promise<T>): Promise<T>;
}

export type Once = (subject: Subject, key: string, action: () => Promise<JsonValue>) => Promise<JsonValue>;

const findSql = 'select value from wechat.once_result where message_id = $1 and key = $2';

/**
 * The first result stays: another process may have done the same, where it was taken for dead. The message is locked, lest its user be
 * forgotten meanwhile and leave something behind. May run again.
 */
const storeSql = `
  insert into wechat.once_result (message_id, key, value)
  select m.id, $2::text, $3::jsonb from wechat.inbound_message m where m.id = $1 and m.forgotten_at is null
  for key share of m
  on conflict (message_id, key) do nothing`;

/**
 * Runs an action once for a message and a key: what it returned is stored, and returned from then on. What it threw is not stored. Who
 * asks while it runs in this process waits for it.
 */
export function createOnce({ pool, durably }: OnceDependencies): Once {
  const running = new Map<string, Promise<JsonValue>>();

  async function find(messageId: string, key: string): Promise<{ value: JsonValue } | undefined> {
    const { rows } = await pool.query<{ value: JsonValue }>({
      name: 'once_find',
      text: findSql,
      values: [messageId, key],
    });
    return rows[0];
  }

  async function run(messageId: string, key: string, action: () => Promise<JsonValue>): Promise<JsonValue> {
    const found = await find(messageId, key);
    if (found) return found.value;
    const json = toStoredJson(await action(), `once(${JSON.stringify(key)})`);
    // What was done must get on record, however long Postgres is away.
    const stored = await durably(async () => {
      await pool.query({ name: 'once_store', text: storeSql, values: [messageId, key, json] });
      return find(messageId, key);
    });
    // As it will be read again: the same from the first time on.
    return stored ? stored.value : JSON.parse(json);
  }

  return ({ messageId }, key, action) => {
    if (typeof key !== 'string' || key === '' || key.length > 100 || key.includes('\0'))
      return Promise.reject(new ContextError('once(key, …): the key is a text of 1 to 100 characters'));
    const name = `${messageId} ${key}`;
    const underWay = running.get(name);
    if (underWay) return underWay;
    const started = run(messageId, key, action).finally(() => running.delete(name));
    running.set(name, started);
    return started;
  };
}
