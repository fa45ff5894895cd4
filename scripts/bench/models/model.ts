/**
 * Models: ways to keep messages, claims and deliveries, compared by what they cost Postgres. A model here is its tables
 * (a .sql file, in a schema of its own) and its statements (a .ts file); drive.ts takes messages through it, without HTTP
 * and without reply logic. `today` is the first engine, frozen, which the others are measured against in the same run;
 * `product` calls the functions of src/outbox/; the lanes are sketches of the model that the product has, for trying
 * changes on. A statement of the product that is measured here is one that the service runs.
 */
import pg from 'pg';

/** A message on its way into the inbox, by the names of the columns. Times in seconds since 1970. */
export interface Arrival {
  app_id: string;
  openid: string;
  dedupe_key: string;
  msg_type: string;
  content: string;
  create_time: number;
  payload: Readonly<Record<string, string>>;
  window_ends_at: number;
  window_quota: number;
  request_id: string;
}

/** What a worker holds. A model fills in what its later statements ask for. */
export interface Held {
  appId: string;
  openid: string;
  messageId: string;
  deliveryId: string;
  laneId: string;
  claim: string;
  /** As the look saw them; arrivals are null where more messages are known to wait. */
  arrivals: string | null;
  doneId: string;
}

/** Each takes a set of messages and is one statement. Nothing but these is measured. */
export interface Statements {
  /** Stores the set with its job. */
  arrive(arrivals: readonly Arrival[]): Promise<void>;
  /** @param ids as a job names them */
  claim(ids: readonly string[]): Promise<Held[]>;
  /** Where the claim reads no messages. */
  look?(held: readonly Held[]): Promise<Held[]>;
  /** Stores one delivery a message, its attempt begun. */
  plan(held: readonly Held[]): Promise<Held[]>;
  /** Records the end of the attempt and settles. Resolves with what it still holds, for which more has come. */
  settle(held: readonly Held[]): Promise<Held[]>;
  /** Claims what waited behind a settled message, where `settle` does not. */
  next?(held: readonly Held[]): Promise<Held[]>;
}

export interface OpenModel extends Statements {
  /** What the jobs name, a set each. */
  named(): Promise<string[][]>;
  /** Empties its tables and the jobs. */
  empty(): Promise<void>;
  /** What autovacuum does at its leisure. */
  vacuum(): Promise<void>;
  analyze(): Promise<void>;
  close(): Promise<void>;
}

export interface Model {
  name: string;
  /** Creates its tables if need be. */
  open(connectionString: string): Promise<OpenModel>;
}

export const connections = 6;

/** Runs a statement by name, so that it is parsed once a connection. */
export type Query = <Row extends pg.QueryResultRow>(
  name: string,
  text: string,
  values: unknown[],
) => Promise<Row[]>;

export interface Sessions {
  durable: Query;
  /** Commits that do not wait for the disk. */
  relaxed: Query;
  run(text: string): Promise<void>;
  end(): Promise<void>;
}

/** @param settings of each session, e.g. `{ plan_cache_mode: 'force_custom_plan' }` */
export function openSessions(connectionString: string, settings: Readonly<Record<string, string>>): Sessions {
  const open = (more: Readonly<Record<string, string>>) =>
    new pg.Pool({
      connectionString,
      max: connections,
      idleTimeoutMillis: 0,
      onConnect: async (client) => {
        for (const [name, value] of Object.entries({ ...settings, ...more })) {
          await client.query('select set_config($1, $2, false)', [name, value]);
        }
      },
    });
  const pools = [open({}), open({ synchronous_commit: 'off' })] as const;
  const queryOf =
    (pool: pg.Pool): Query =>
    async <Row extends pg.QueryResultRow>(name: string, text: string, values: unknown[]) =>
      (await pool.query<Row>({ name, text, values })).rows;
  return {
    durable: queryOf(pools[0]),
    relaxed: queryOf(pools[1]),
    async run(text) {
      await pools[0].query(text);
    },
    async end() {
      await Promise.all(pools.map((pool) => pool.end()));
    },
  };
}
