import { defineConfig } from 'vitest/config';
import { longTests } from './vitest.faults.config.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // By `npm run test:servers`, `npm run test:faults` and `npm run test:console`.
    exclude: [
      ...longTests,
      ...[
        'test/servers/**',
        'test/console/**',
        'test/console-browser/**',
        'test/simulator/phone-page.test.ts',
        'test/cli/simulate-phone.test.ts',
      ],
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
