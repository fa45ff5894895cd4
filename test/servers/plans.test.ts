import pg from 'pg';
import { describe, inject, onTestFinished, test } from 'vitest';
import { migrateDatabase } from '../../src/db/migrate.js';
import { createPool } from '../../src/db/pool.js';
import { checkPlans, keepStatistics } from '../support/plans.js';
import { startCluster } from './support/cluster.js';

describe.skipIf(!inject('postgresBin'))('a stock server with a million answered messages', () => {
  test.each([{ isAnalysed: false }, { isAnalysed: true }])(
    'finds by its key all that is read, few lanes or many (analysed while empty: $isAnalysed)',
    async ({ isAnalysed }) => {
      const cluster = await startCluster({ settings: ['fsync = off', 'max_wal_size = 4GB'] });
      await cluster.sql('create database wechat');
      const url = cluster.url('wechat');
      await migrateDatabase(url, (error) => console.error(error));
      const [filling, pool] = [
        new pg.Pool({ connectionString: url, max: 1 }),
        createPool({
          connectionString: url,
          name: 'plans',
          max: 1,
          statementTimeoutMs: 60_000,
          onError: () => undefined,
        }),
      ];
      const client = await pool.connect();
      onTestFinished(async () => {
        client.release();
        await pool.end();
        await filling.end();
      });
      await keepStatistics(filling);
      await checkPlans(filling, client, { answered: 1_000_000, waiting: 100_000, isAnalysed });
    },
    900_000,
  );
});
