import { defineConfig } from 'vitest/config';

/**
 * Processes that die, block, exhaust their memory or run beside each other, the promises about them, and what takes its time: the
 * command line as processes of their own, accounts that move and that rest, plans of statements over many rows, random lives of a
 * conversation, traces through several processes, replies that are waited for.
 */
export const longTests = [
  ...['test/faults/**/*.test.ts', 'test/promises/{1,3,5,6}-*.test.ts'],
  ...['test/cli/cli.test.ts', 'test/cli/move-account*.test.ts', 'test/outbox/plans.test.ts'],
  ...[
    'test/outbox/conversation-model.test.ts',
    'test/observe/tracing.test.ts',
    'test/accounts/resting.test.ts',
  ],
  ...['test/replies/http/callback.test.ts', 'test/replies/model/answer.test.ts', 'test/worker/merge.test.ts'],
  ...[
    'test/worker/forget-unsubscribed.test.ts',
    'test/sending/error-codes.test.ts',
    'test/handover/service.test.ts',
  ],
];

/** `npm run test:faults`. */
export default defineConfig({
  test: {
    include: longTests,
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    isolate: false,
    // Each of them starts several processes.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
