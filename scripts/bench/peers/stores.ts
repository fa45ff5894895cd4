import type { Redis } from 'ioredis';
import type pg from 'pg';

export interface Stored {
  messages: number;
  /** As many where each was stored once. */
  distinct: number;
  /** Messages whose send is on record with a result of 0. */
  results: number;
}

/** Where a contender keeps its messages, as the benchmark reads it. */
export interface Store {
  /** Cheap enough to ask while it is measured. */
  count(): Promise<number>;
  check(): Promise<Stored>;
  /** Where the lab does not empty it along with the product's tables. */
  empty?(): Promise<void>;
}

export function productStore(pool: pg.Pool): Store {
  return postgresStore(pool, {
    count: 'select count(*)::int as count from wechat.inbound_message',
    check: `select count(*)::int as messages, count(distinct dedupe_key)::int as distinct,
              (select count(*)::int from wechat.delivery d join wechat.delivery_attempt a on a.delivery_id = d.id
               where d.status = 'sent' and a.outcome = 'sent' and a.errcode = 0) as results
            from wechat.inbound_message`,
  });
}

export function byHandStore(pool: pg.Pool): Store {
  return postgresStore(pool, {
    count: 'select count(*)::int as count from by_hand.message',
    check: `select count(*)::int as messages, count(distinct dedupe_key)::int as distinct,
              (select count(*)::int from by_hand.attempt where errcode = 0) as results
            from by_hand.message`,
  });
}

/** Its schema is made by the program. */
/** Its schema is made by the program. */
export function pgBossStore(pool: pg.Pool): Store {
  return {
    ...postgresStore(pool, {
      count: `select count(*)::int as count from pgboss.job where name = 'replies'`,
      check: `select count(*)::int as messages, count(distinct data ->> 'MsgId')::int as distinct,
                (count(*) filter (where state = 'completed' and output ->> 'errcode' = '0'))::int as results
              from pgboss.job where name = 'replies'`,
    }),
    async empty() {
      await pool.query('drop schema if exists pgboss cascade');
    },
  };
}

function postgresStore(pool: pg.Pool, statements: { count: string; check: string }): Store {
  return {
    async count() {
      const { rows } = await pool.query<{ count: number }>(statements.count);
      return rows[0]?.count ?? 0;
    },
    async check() {
      const { rows } = await pool.query<Stored>(statements.check);
      return rows[0] ?? { messages: 0, distinct: 0, results: 0 };
    },
  };
}

/** As BullMQ 6 names its keys. */
const [waiting, active, delayed, completed] = ['wait', 'active', 'delayed', 'completed'].map(
  (name) => `bull:replies:${name}`,
) as [string, string, string, string];

/** Read in a transaction: a job that moves on meanwhile would be counted twice. */
export function bullMqStore(redis: Redis): Store {
  async function count(): Promise<number> {
    const counts = await redis.multi().llen(waiting).llen(active).zcard(delayed).zcard(completed).exec();
    return (counts ?? []).reduce((sum, [, one]) => sum + Number(one), 0);
  }

  async function check(): Promise<Stored> {
    const lists = await redis
      .multi()
      .lrange(waiting, 0, -1)
      .lrange(active, 0, -1)
      .zrange(delayed, '0', '-1')
      .zrange(completed, '0', '-1')
      .exec();
    const ids = (lists ?? []).flatMap(([, list]) => list as string[]);
    const returned = await Promise.all(ids.map((id) => redis.hget(`bull:replies:${id}`, 'returnvalue')));
    const results = returned.filter((value) => value?.includes('"errcode":0')).length;
    return { messages: ids.length, distinct: new Set(ids).size, results };
  }

  return {
    count,
    check,
    async empty() {
      await redis.flushall();
    },
  };
}
