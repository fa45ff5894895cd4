import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../until.ts';
import type { Cluster } from './cluster.ts';
import type { Member } from './member.ts';
import { timings } from './patroni-config.ts';

/** What was done to a leader, and who came after it. */
export interface Failover {
  fault: string;
  from: string;
  to: string;
  /** When it was done. */
  at: number;
  /** When Patroni said that the other one leads. */
  leaderAt: number;
  /** When there was a leader with a standby again. */
  wholeAt: number;
}

interface Fault {
  name: string;
  /** Resolves when the other one leads, with what to do then. */
  make(leader: Member, other: Member): Promise<{ leaderAt: number; mend(): Promise<void> }>;
}

const leaderTimeoutMs = 90_000;
const wholeTimeoutMs = 120_000;
/** The new leader is left alone for so long, then the former one comes back. */
const mendAfterMs = 3_000;
/** Between a whole cluster and the next fault. */
const calmMs = 4_000;
/** The standby is behind by so much when it has to take over. */
const lagMs = 300;

const leads = async (member: Member): Promise<number> => {
  await until(`${member.name} to lead`, leaderTimeoutMs, member.isLeader, 50);
  return Date.now();
};

const killed: Fault = {
  name: 'killed',
  async make(leader, other) {
    leader.kill();
    const leaderAt = await leads(other);
    return { leaderAt, mend: async () => leader.start() };
  },
};

/** As from a standby in another town, or a busy one: what the leader wrote last has not left it when it ends. */
const killedWithLag: Fault = {
  name: `killed, its standby ${lagMs} ms behind`,
  async make(leader, other) {
    leader.delayStandby(60_000);
    await sleep(lagMs);
    leader.kill();
    const leaderAt = await leads(other);
    return { leaderAt, mend: async () => leader.start() };
  },
};

const frozen: Fault = {
  name: 'frozen',
  async make(leader, other) {
    const thawAt = Date.now() + (timings.ttl + 8) * 1_000;
    leader.freeze();
    const leaderAt = await leads(other);
    return {
      leaderAt,
      async mend() {
        await sleep(Math.max(0, thawAt - Date.now()));
        leader.thaw();
      },
    };
  },
};

const cutOff: Fault = {
  name: 'cut off from etcd',
  async make(leader, other) {
    leader.cutFromEtcd();
    const leaderAt = await leads(other);
    return { leaderAt, mend: async () => leader.mendEtcd() };
  },
};

const switchedOver: Fault = {
  name: 'switched over',
  async make(leader, other) {
    const response = await fetch(`http://127.0.0.1:${leader.restPort}/switchover`, {
      method: 'POST',
      body: JSON.stringify({ leader: leader.name, candidate: other.name }),
    });
    if (!response.ok) throw new Error(`Patroni did not switch over: ${await response.text()}`);
    return { leaderAt: await leads(other), mend: async () => undefined };
  },
};

const script = {
  synchronous: [killed, switchedOver, frozen, cutOff],
  asynchronous: [killed, killedWithLag],
} as const;

/** What is done to the cluster, one after the other, for as long as the time lasts. */
export async function runFaults({
  cluster,
  isSynchronous,
  untilMs,
  onFailover,
}: {
  cluster: Cluster;
  isSynchronous: boolean;
  /** No fault begins after this time. */
  untilMs: number;
  onFailover(failover: Failover): void;
}): Promise<void> {
  const faults: readonly Fault[] = isSynchronous ? script.synchronous : script.asynchronous;
  for (let nth = 0; Date.now() < untilMs; nth += 1) {
    await sleep(calmMs);
    const fault = faults[nth % faults.length];
    const leader = await cluster.leader();
    const other = cluster.members.find((member) => member !== leader);
    if (!fault || !leader || !other) throw new Error('the cluster has no leader before a fault');
    const at = Date.now();
    const { leaderAt, mend } = await fault.make(leader, other);
    await sleep(mendAfterMs);
    await mend();
    await until('a leader with a standby', wholeTimeoutMs, cluster.isWhole, 250);
    const wholeAt = Date.now();
    onFailover({ fault: fault.name, from: leader.name, to: other.name, at, leaderAt, wholeAt });
  }
}
