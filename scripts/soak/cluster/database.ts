import type { OnStop, SoakDatabase } from '../field.ts';
import { type Cluster, startCluster } from './cluster.ts';

export interface ClusterDatabase extends SoakDatabase {
  readonly cluster: Cluster;
}

/** Of each role one process goes by way of HAProxy, and the other finds the leader by itself. */
export async function openClusterDatabase(
  { directory, logs, isSynchronous }: { directory: string; logs: string; isSynchronous: boolean },
  onStop: OnStop,
): Promise<ClusterDatabase> {
  const cluster = await startCluster({ directory, logs, isSynchronous });
  onStop(cluster.stop);
  return {
    cluster,
    adminUrl: cluster.proxyUrl,
    urlOf: (name) => (name.endsWith('2') ? cluster.hostsUrl : cluster.proxyUrl),
  };
}
