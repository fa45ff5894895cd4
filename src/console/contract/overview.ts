/** What happens now, figures over a time, accounts, and what people did. */

/** The data of each event `now` of GET live (server-sent events), and GET now. An event `away` says that the database did not answer. */
export interface Now {
  at: string;
  waiting: number;
  /** How long the oldest has waited; null when nothing waits. */
  oldestMs: number | null;
  withAgent: number;
  /** By wechat.backlog. */
  backlog: { account: string; state: string; messages: number; oldestMs: number }[];
  /** The last 60 minutes, oldest first. */
  minutes: { at: string; received: number; sent: number; failed: number }[];
  /** Of the last 15 minutes, from push to the first reply that was sent. */
  answerMs: { p50: number | null; p95: number | null };
  workers: {
    id: number;
    hostname: string;
    pid: number;
    startedAt: string;
    heartbeatMs: number;
    holds: number;
    missing: boolean;
  }[];
  /** Nobody works: to be shown loud. */
  noWorker: boolean;
  pauses: Pause[];
}

export interface Pause {
  account: string;
  reason: 'minute_quota' | 'daily_quota' | 'account' | 'operator';
  code: number | null;
  error: string | null;
  remedy: string | null;
  since: string;
  probeAt: string | null;
  waiting: number;
}

/** GET accounts */
export interface AccountView {
  appId: string;
  name: string | null;
  /** Settings without secrets: name and value, as the process that was asked has them. */
  settings: { name: string; value: string }[];
  token: { refreshedAt: string; expiresAt: string } | null;
  pause: Pause | null;
  lastPushAt: string | null;
  lastSentAt: string | null;
  webhookPath: string;
}

/** POST accounts/:appId/pause , POST accounts/:appId/resume : 204. */

/** POST accounts/:appId/check : asks WeChat, as doctor does. */
export interface AccountCheck {
  findings: { level: 'ok' | 'warning' | 'problem'; title: string; detail: string; remedy: string | null }[];
}

/** GET accounts/:appId/quota : of WeChat's get_api_quota for sends. */
export interface QuotaView {
  daily: number;
  used: number;
  remaining: number;
}

/** GET analytics?account=&since=&until= ; `format=csv&table=…` gives one of its tables as CSV. */
export interface Analytics {
  /** As asked for; beyond one day the whole days of China around it. */
  since: string;
  until: string;
  /** By `day`: users of keys, scenes and events are those of each day, added up, and times of answers are right within 1 %. */
  unit: 'hour' | 'day';
  totals: { users: number; messages: number; answered: number; unanswered: number; failed: number };
  latencyMs: { p50: number | null; p95: number | null; p99: number | null };
  /** By hour up to one day, by day of China beyond. */
  series: {
    at: string;
    users: number;
    messages: number;
    sent: number;
    failed: number;
    p50Ms: number | null;
    p95Ms: number | null;
  }[];
  menuKeys: { key: string; taps: number; users: number }[];
  scenes: { scene: string; scans: number; follows: number; users: number }[];
  failures: { code: number | null; state: string; count: number; meaning: string }[];
  /** By weekday (1 is Monday) and hour in Asia/Shanghai. */
  busiest: { weekday: number; hour: number; messages: number }[];
  events: { event: string; count: number; users: number }[];
}

export const analyticsTables = ['series', 'menuKeys', 'scenes', 'failures', 'busiest', 'events'] as const;
export type AnalyticsTable = (typeof analyticsTables)[number];

/** GET actions?before=&limit=&account=&actor=&action= */
export interface ActionRow {
  id: string;
  at: string;
  actor: string;
  action: string;
  account: string | null;
  details: unknown;
  affected: number;
}
