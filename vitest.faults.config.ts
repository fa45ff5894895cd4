import { defineConfig } from 'vitest/config';

/**
 * Processes that die, block, exhaust their memory or run beside each other, and the promises about them:
 * `npm run test:faults`.
 */
export default defineConfig({
  test: {
    include: [
      ...['test/faults/**/*.test.ts', 'test/promises/{1,3,5,6}-*.test.ts'],
      'test/cli/move-account*.test.ts',
    ],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    isolate: false,
    // Each of them starts several processes.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
