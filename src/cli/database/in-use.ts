import type { Config } from '../../config/settings.js';
import { startEmbeddedPostgres } from '../../db/embedded.js';
import type { Logger } from '../../observe/log.js';

export interface DatabaseInUse {
  url: string;
  /** Stops it, if it is ours to stop. */
  release(): Promise<void>;
}

/** The database of the settings, or the embedded one, which it starts. */
export async function useDatabase(
  { databaseUrl, dataDir }: Pick<Config, 'databaseUrl' | 'dataDir'>,
  log: Logger,
): Promise<DatabaseInUse> {
  if (databaseUrl) return { url: databaseUrl, release: async () => undefined };
  log.info(
    { event: 'embedded_postgres', data_dir: dataDir },
    `DATABASE_URL is not set: using the embedded PostgreSQL in ${dataDir}`,
  );
  const embedded = await startEmbeddedPostgres({ dataDir });
  return { url: embedded.url, release: () => embedded.stop() };
}
