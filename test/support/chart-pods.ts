import type { KubernetesObject } from './chart.js';

/** The little of a pod that our own rules are about. */
export interface Pod {
  component: string;
  labels: Readonly<Record<string, string>>;
  spec: {
    serviceAccountName?: string;
    automountServiceAccountToken?: boolean;
    terminationGracePeriodSeconds?: number;
    securityContext?: object;
    volumes?: { name: string; emptyDir?: object; configMap?: object }[];
    containers: Container[];
  };
}

interface Probe {
  httpGet?: { path: string; port: string };
}

interface Container {
  args?: string[];
  securityContext?: object;
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef?: { name: string; key: string } } }[];
  ports?: { name: string; containerPort: number }[];
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  lifecycle?: { preStop?: { exec?: { command: string[] } } };
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  volumeMounts?: { name: string; mountPath: string }[];
}

/** Those of deployments and jobs. */
export function podsOf(objects: readonly KubernetesObject[]): Pod[] {
  return objects
    .filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
    .map(({ spec }) => {
      const { metadata, spec: pod } = (spec as { template: Template }).template;
      const component = metadata.labels['app.kubernetes.io/component'] ?? '';
      return { component, labels: metadata.labels, spec: pod };
    });
}

interface Template {
  metadata: { labels: Record<string, string> };
  spec: Pod['spec'];
}
