import { defineConfig } from 'vitest/config';

/** Servers as people have them: Debian's PostgreSQL and PgBouncer, each test with a cluster of its own. */
export default defineConfig({
  test: {
    include: ['test/servers/**/*.test.ts'],
    globalSetup: ['test/servers/support/install.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
});
