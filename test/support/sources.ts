import { pino } from 'pino';
import type { Pool } from '../../src/db/pool.js';
import { createMetrics } from '../../src/observe/metrics.js';
import { createTracing } from '../../src/observe/tracing.js';
import type { SourceOptions } from '../../src/replies/open.js';
import type { SourceServices } from '../../src/replies/source.js';

/** What an entry of REPLIES may need beside itself. */
export function sourceOptions(given: Partial<SourceOptions> = {}): SourceOptions {
  return {
    http: {
      timeoutMs: 5_000,
      allowPrivateAddresses: true,
      turns: 0,
      callbackUrl: undefined,
      callbackWaitMs: 60_000,
    },
    environment: {},
    replyTimeoutMs: 60_000,
    ...given,
  };
}

/** What a source may use of the service; without a pool it may store nothing. */
export function sourceServices(given: Partial<SourceServices> = {}): SourceServices {
  return {
    appId: 'wx1',
    httpReplySecrets: [],
    pool: undefined as unknown as Pool,
    proxies: undefined,
    log: pino({ level: 'silent' }),
    metrics: createMetrics([]),
    tracing: createTracing(),
    clock: () => new Date(),
    ...given,
  };
}
