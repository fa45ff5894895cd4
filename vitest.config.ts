import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // By `npm run test:servers`, `npm run test:faults` and `npm run test:console`.
    exclude: [
      ...['test/servers/**', 'test/faults/**', 'test/promises/{1,3,5,6}-*.test.ts'],
      ...['test/cli/move-account*.test.ts', 'test/outbox/plans.test.ts'],
      ...['test/console/**', 'test/console-browser/**', 'test/simulator/phone-page.test.ts'],
    ],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    isolate: false,
    // Tests wait more than they compute. Files share a process, and so what they import: no module has state.
    maxWorkers: 4,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
