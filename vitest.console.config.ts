import { defineConfig } from 'vitest/config';

/** The console and its page, and the simulator's phone, in a real browser where there is one: `npm run test:console`. */
export default defineConfig({
  test: {
    include: [
      'test/console/**/*.test.ts',
      'test/console-browser/**/*.test.ts',
      'test/simulator/phone-page.test.ts',
      'test/cli/simulate-phone.test.ts',
    ],
    globalSetup: ['test/support/global-setup.ts', 'test/support/install-browser.ts'],
    pool: 'forks',
    isolate: false,
    // A browser is several processes.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
