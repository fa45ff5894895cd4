/** One who answers users by hand, in WeChat's own customer service. */
export interface Agent {
  /** `name@account` */
  kfAccount: string;
  /** Bound to a WeChat user; true by default. */
  isBound?: boolean;
  /** True by default. */
  isOnline?: boolean;
}

interface Session {
  kfAccount: string;
  /** Unix seconds. */
  createTime: number;
}

/** WeChat's own customer service of one account. Refusals are errcodes. */
export interface Agents {
  /** Undefined: it is not switched on. */
  all: readonly Agent[] | undefined;
  sessionOf(openid: string): Session | undefined;
  /** `began`: false where this agent served the user already. */
  open(openid: string, kfAccount: string): { errcode: number } | { began: boolean };
  close(openid: string, kfAccount: string): number | undefined;
}

export function createAgents(clock: () => number): Agents {
  const sessions = new Map<string, Session>();
  let agents: readonly Agent[] | undefined;

  /** Source: the pages of the session API. */
  function refusalOf(kfAccount: string): number | undefined {
    if (!agents) return 65400;
    const agent = agents.find((one) => one.kfAccount === kfAccount);
    if (!agent) return 65401;
    if (agent.isBound === false) return 65402;
    return agent.isOnline === false ? 65415 : undefined;
  }

  return {
    get all() {
      return agents;
    },
    set all(replacement) {
      agents = replacement;
    },
    sessionOf: (openid) => sessions.get(openid),
    open(openid, kfAccount) {
      const errcode = refusalOf(kfAccount);
      if (errcode !== undefined) return { errcode };
      const session = sessions.get(openid);
      if (session && session.kfAccount !== kfAccount) return { errcode: 65414 };
      if (session) return { began: false };
      sessions.set(openid, { kfAccount, createTime: Math.floor(clock() / 1_000) });
      return { began: true };
    },
    close(openid, kfAccount) {
      if (!agents) return 65400;
      const session = sessions.get(openid);
      if (!session) return 65413;
      if (session.kfAccount !== kfAccount) return 65414;
      sessions.delete(openid);
      return undefined;
    },
  };
}
