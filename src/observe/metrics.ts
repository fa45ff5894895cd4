import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Every metric that the service exports. Label values are bounded: accounts, types, outcomes and codes. */
export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    registry,
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
  };
}
