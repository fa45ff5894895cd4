import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Every metric that the service exports. Label values are bounded: accounts, types, outcomes and codes. */
export type Metrics = ReturnType<typeof createMetrics>;

const failureReasons = ['error', 'refused', 'outage'] as const;
const wordActions = ['refuse', 'mask', 'handOver'] as const;

/** @param accounts the configured ones: no other AppID becomes a label value */
export function createMetrics(accounts: readonly string[]) {
  const registry = new Registry();
  const registers = [registry];
  // The delay of the event loop is taken by a timer: with the default of 10 ms it alone takes a hundredth of a core for ever.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  const known = new Set(accounts);
  const metrics = {
    registry,
    accounts,
    /** What is in the database may be of an account that is no longer set up. */
    accountLabel: (appId: string) => (known.has(appId) ? appId : 'other'),
    ...createProcessMetrics(registers),
    ...createDatabaseMetrics(registers),
  };
  // A counter that begins at its first event hides that event from rate() and increase().
  for (const account of accounts) {
    metrics.inbound.inc({ account, type: 'unknown', result: 'shed' }, 0);
    for (const result of ['ok', 'error']) metrics.tokenRefreshes.inc({ account, result }, 0);
    for (const reason of failureReasons) metrics.replyFailures.inc({ account, reason }, 0);
    for (const action of wordActions) metrics.wordsFound.inc({ account, action }, 0);
  }
  return metrics;
}

/** What this process did. */
function createProcessMetrics(registers: Registry[]) {
  return {
    inbound: new Counter({
      name: 'wechat_outbox_inbound_total',
      help: 'Pushes received, by what became of them: stored, duplicate, refused, unavailable or shed',
      labelNames: ['account', 'type', 'result'] as const,
      registers,
    }),
    commitGroupSize: new Histogram({
      name: 'wechat_outbox_commit_group_size',
      help: 'Messages stored by one statement',
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
      registers,
    }),
    acknowledgeSeconds: new Histogram({
      name: 'wechat_outbox_acknowledge_duration_seconds',
      help: 'From the push to its answer',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 4.5],
      registers,
    }),
    attempts: new Counter({
      name: 'wechat_outbox_delivery_attempts_total',
      help: 'HTTP calls made for deliveries, by outcome and errcode',
      labelNames: ['account', 'outcome', 'errcode'] as const,
      registers,
    }),
    replySeconds: new Histogram({
      name: 'wechat_outbox_reply_duration_seconds',
      help: 'From storing a message to settling it',
      labelNames: ['account'] as const,
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800],
      registers,
    }),
    ruleAnswers: new Counter({
      name: 'wechat_outbox_rule_answers_total',
      help: 'Messages that a rule answered (REPLIES=rules.yaml), by the name of the rule; default: where none applied',
      labelNames: ['account', 'rule'] as const,
      registers,
    }),
    replyFailures: new Counter({
      name: 'wechat_outbox_reply_failures_total',
      help: 'Runs of the reply logic that came to nothing: error, refused (starting it again would not help) or outage (what it asks is away)',
      labelNames: ['account', 'reason'] as const,
      registers,
    }),
    wordsFound: new Counter({
      name: 'wechat_outbox_words_found_total',
      help: 'Places with words of WORDS_FILE, in replies and in what users write, by what is done about them',
      labelNames: ['account', 'action'] as const,
      registers,
    }),
    tokenRefreshes: new Counter({
      name: 'wechat_outbox_token_refreshes_total',
      help: 'Access tokens asked of WeChat, by result: ok or error',
      labelNames: ['account', 'result'] as const,
      registers,
    }),
    paused: new Gauge({
      name: 'wechat_outbox_account_paused',
      help: '1 while the sends of an account rest, by reason; absent otherwise',
      labelNames: ['account', 'reason'] as const,
      registers,
    }),
    inFlight: new Gauge({
      name: 'wechat_outbox_in_flight_messages',
      help: 'Messages that this process is answering now',
      registers,
    }),
    retentionDeleted: new Counter({
      name: 'wechat_outbox_retention_deleted_total',
      help: 'Messages that this process deleted because they were older than RETENTION_DAYS',
      registers,
    }),
  };
}

/** Read from the database at the scrape (database-gauges.ts), and the same in every process. */
function createDatabaseMetrics(registers: Registry[]) {
  return {
    databaseUp: new Gauge({
      name: 'wechat_outbox_database_up',
      help: '1 when the database answered this process, 0 when it did not; the gauges below are absent then',
      registers,
    }),
    backlog: new Gauge({
      name: 'wechat_outbox_backlog',
      help: 'Unsettled messages, by state: ready (due, and nobody works on it), claimed (a worker has it), delayed (waits for its next try)',
      labelNames: ['account', 'state'] as const,
      registers,
    }),
    oldestUnsettled: new Gauge({
      name: 'wechat_outbox_oldest_unsettled_seconds',
      help: 'Age of the oldest message that is not settled; 0 when all are',
      labelNames: ['account'] as const,
      registers,
    }),
    tokenExpires: new Gauge({
      name: 'wechat_outbox_token_expires_seconds',
      help: 'Until the access token in force expires, negative since it has; absent before the first',
      labelNames: ['account'] as const,
      registers,
    }),
    handovers: new Gauge({
      name: 'wechat_outbox_handovers',
      help: 'Conversations in which the reply logic is silent: waiting (for a person), taken, or external (Tencent’s customer service has them)',
      labelNames: ['account', 'state'] as const,
      registers,
    }),
    oldestHandover: new Gauge({
      name: 'wechat_outbox_oldest_handover_seconds',
      help: 'Since when the conversation that has waited longest waits for a person; 0 when none does',
      labelNames: ['account'] as const,
      registers,
    }),
    workersAlive: new Gauge({
      name: 'wechat_outbox_workers_alive',
      help: 'Worker processes that gave a sign of life within the last 15 seconds',
      registers,
    }),
  };
}

/** Pushes for an account that this process refused since it started. */
export async function countRefused({ inbound }: Pick<Metrics, 'inbound'>, appId: string): Promise<number> {
  const { values } = await inbound.get();
  return values
    .filter(({ labels }) => labels.account === appId && labels.result === 'refused')
    .reduce((sum, { value }) => sum + value, 0);
}
