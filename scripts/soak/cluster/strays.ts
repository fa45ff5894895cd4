import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, query } from './cluster.ts';
import type { Member } from './member.ts';

/** A connection of the service to a server that does not lead. */
export interface Stray {
  member: string;
  name: string;
  /** For how long the server had not led, and the connection had been open. */
  seconds: number;
}

const lookEveryMs = 1_000;
/** For noticing, and for what dies with the former leader. */
const toleratedSeconds = 5;

/** Looks all the while whether the service holds on to a server that does not lead (any more). */
export function watchStrays(cluster: Cluster): { stop(): Promise<readonly Stray[]> } {
  const ending = new AbortController();
  const strays: Stray[] = [];
  const notLeadingSince = new Map<Member, number>();

  async function look(member: Member): Promise<void> {
    if (await member.isLeader()) {
      notLeadingSince.delete(member);
      return;
    }
    const since = notLeadingSince.get(member) ?? Date.now();
    notLeadingSince.set(member, since);
    const rows = await query<{ name: string; seconds: number }>(
      cluster.urlOf(member, 'postgres'),
      `select application_name as name, extract(epoch from now() - backend_start)::int as seconds
       from pg_stat_activity where application_name like 'wechat-outbox%'`,
    ).catch(() => []);
    for (const { name, seconds: open } of rows) {
      const seconds = Math.min(open, Math.round((Date.now() - since) / 1_000));
      if (seconds > toleratedSeconds) strays.push({ member: member.name, name, seconds });
    }
  }

  async function run(): Promise<void> {
    while (!ending.signal.aborted) {
      await Promise.all(cluster.members.map(look));
      await sleep(lookEveryMs, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    async stop() {
      ending.abort();
      await running;
      return strays;
    },
  };
}
