import type { Queryable } from './lanes.js';

/** What agents do, by the functions that their console calls. */
export interface Agents {
  take(openid: string, agent: string, how?: TakeOptions): Promise<TakeRow>;
  handBack(openid: string, agent: string, force?: boolean): Promise<string>;
  ask(openid: string, reason: string): Promise<string>;
  send(openid: string, agent: string, text: string, key?: string): Promise<SendRow>;
  /** The same on another connection, such as one with a transaction open. */
  on(connection: Queryable): Agents;
}

export interface TakeOptions {
  pending?: 'cancel' | 'send';
  steal?: boolean;
  returnsAfter?: string;
}

export interface TakeRow {
  result: string;
  held_by: string | null;
  since: Date | null;
}

export interface SendRow {
  delivery_id: string | null;
  result: string;
}

let lastKey = 0;

export function createAgents(connection: Queryable, appId: string): Agents {
  async function row<T>(text: string, values: unknown[]): Promise<T> {
    const { rows } = await (connection as { query: Query }).query(text, values);
    return rows[0] as T;
  }
  return {
    take: (openid, agent, { pending = 'cancel', steal = false, returnsAfter } = {}) =>
      row('select * from wechat.take_over($1, $2, $3, $4, $5, $6)', [
        ...[appId, openid, agent, pending, steal],
        returnsAfter ?? null,
      ]),
    handBack: async (openid, agent, force = false) =>
      (
        await row<{ result: string }>('select wechat.hand_back($1, $2, $3, $4) as result', [
          ...[appId, openid, agent, force],
        ])
      ).result,
    ask: async (openid, reason) =>
      (
        await row<{ result: string }>('select wechat.ask_for_person($1, $2, $3) as result', [
          ...[appId, openid, reason],
        ])
      ).result,
    send(openid, agent, text, key) {
      lastKey += 1;
      return row('select * from wechat.agent_send($1, $2, $3, $4, $5)', [
        ...[appId, openid, agent],
        JSON.stringify({ msgtype: 'text', text: { content: text } }),
        key ?? `key-${lastKey}`,
      ]);
    },
    on: (other) => createAgents(other, appId),
  };
}

type Query = (text: string, values: unknown[]) => Promise<{ rows: unknown[] }>;
