import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { oneAccount, secretNames, settings } from '../../src/config/schema.js';
import {
  chartDirectory,
  createHelm,
  findHelm,
  hasSchemas,
  type KubernetesObject,
  missingTools,
  objectsIn,
  schemaProblems,
  unknownFields,
} from '../support/chart.js';
import { type Pod, podsOf } from '../support/chart-pods.js';
import { setStage } from '../support/stage.js';
import { scratchDirectory } from '../support/temporary-directory.js';

const cases = ['one-account', 'everything'] as const;
const rendered = new Map<string, KubernetesObject[]>();
let helm = '';

beforeAll(() => {
  helm = findHelm() ?? '';
  if (helm === '') return;
  for (const values of cases) {
    const { ok, out } = createHelm(helm, values)('template');
    if (!ok) throw new Error(out);
    rendered.set(values, objectsIn(out));
  }
});

beforeEach(({ skip }) => skip(helm === '', missingTools));

const objectsOf = (values: string) => rendered.get(values) ?? [];
const ofKind = (values: string, kind: string) => objectsOf(values).filter((object) => object.kind === kind);
const podOf = (values: string, component: string): Pod => {
  const pod = podsOf(objectsOf(values)).find((one) => one.component === component);
  if (!pod) throw new Error(`there is no ${component}`);
  return pod;
};

describe.each(cases)('the chart with the values %s', (values) => {
  test('is found without fault by helm', () => {
    expect(createHelm(helm, values)('lint', '--strict')).toEqual({ ok: true, out: expect.any(String) });
  });

  test('is what the schemas of Kubernetes, KEDA and the Prometheus operator allow', async ({ skip }) => {
    skip(!hasSchemas(), missingTools);
    const objects = objectsOf(values);
    expect(await schemaProblems(objects)).toEqual([]);
    expect(unknownFields(objects)).toEqual([]);
  });

  test('runs nothing as root, nothing that writes to its own image, and nothing that may ask for more', () => {
    const pods = podsOf(objectsOf(values));
    expect(pods.length).toBeGreaterThanOrEqual(3);
    for (const { component, spec } of pods) {
      expect(spec.securityContext, component).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(spec.automountServiceAccountToken, component).toBe(false);
      for (const container of spec.containers) {
        expect(container.securityContext, component).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources?.limits?.memory, component).toBeDefined();
        expect(container.resources?.requests?.cpu, component).toBeDefined();
        const writable = spec.volumes?.find(({ name }) => name === 'tmp');
        expect(writable?.emptyDir, component).toBeDefined();
        expect(container.volumeMounts?.find(({ name }) => name === 'tmp')?.mountPath, component).toBe('/tmp');
        expect(container.env?.find(({ name }) => name === 'TMPDIR')?.value, component).toBe('/tmp');
      }
    }
  });

  test('mounts what it declares, and names each setting once', () => {
    for (const { component, spec } of podsOf(objectsOf(values))) {
      const volumes = spec.volumes?.map(({ name }) => name).toSorted();
      for (const { env = [], volumeMounts = [] } of spec.containers) {
        expect(volumeMounts.map(({ name }) => name).toSorted(), component).toEqual(volumes);
        const names = env.map(({ name }) => name);
        expect(
          names.filter((name, index) => names.indexOf(name) !== index),
          component,
        ).toEqual([]);
      }
    }
  });

  test('selects the pods that it means by their labels', () => {
    const pods = podsOf(objectsOf(values));
    const selected = (selector: Readonly<Record<string, string>>) =>
      pods
        .filter(({ labels }) => Object.entries(selector).every(([name, value]) => labels[name] === value))
        .map(({ component }) => component)
        .toSorted();
    for (const object of ofKind(values, 'Deployment')) {
      const spec = object.spec as { selector: { matchLabels: Record<string, string> } };
      expect(selected(spec.selector.matchLabels)).toEqual([
        object.metadata.labels?.['app.kubernetes.io/component'],
      ]);
    }
    for (const { metadata, spec } of ofKind(values, 'PodDisruptionBudget')) {
      const { selector } = spec as { selector: { matchLabels: Record<string, string> } };
      expect(selected(selector.matchLabels)).toEqual([metadata.labels?.['app.kubernetes.io/component']]);
    }
    const services = ofKind(values, 'Service').map(({ metadata, spec }) => {
      const { selector } = spec as { selector: Record<string, string> };
      return [metadata.labels?.['app.kubernetes.io/component'], selected(selector)];
    });
    const consoleRole = values === 'everything' ? 'worker' : 'ingress';
    expect(Object.fromEntries(services)).toMatchObject({
      ingress: ['ingress'],
      admin: ['ingress', 'worker'],
      console: [consoleRole],
    });
  });

  test('leads ports and probes to where containers listen', () => {
    const ports = (component: string) =>
      Object.fromEntries(
        podOf(values, component).spec.containers[0]?.ports?.map(({ name, containerPort }) => [
          name,
          containerPort,
        ]) ?? [],
      );
    const setTo = (component: string, setting: string) =>
      podOf(values, component).spec.containers[0]?.env?.find(({ name }) => name === setting)?.value;
    expect(ports('ingress')).toEqual({
      webhook: Number(setTo('ingress', 'PORT')),
      admin: Number(setTo('ingress', 'ADMIN_PORT')),
    });
    expect(ports('worker')).toEqual({ admin: Number(setTo('worker', 'ADMIN_PORT')) });
    for (const { spec } of ofKind(values, 'Service'))
      for (const { targetPort } of (spec as { ports: { targetPort: string }[] }).ports)
        expect(['webhook', 'admin']).toContain(targetPort);
  });

  test('waits for the end of a process longer than the process waits for its work', () => {
    for (const role of ['ingress', 'worker']) {
      const { spec } = podOf(values, role);
      const [container] = spec.containers;
      const grace = Number(container?.env?.find(({ name }) => name === 'SHUTDOWN_GRACE')?.value);
      const pause = Number(container?.lifecycle?.preStop?.exec?.command?.[1] ?? 0);
      expect(grace).toBeGreaterThan(0);
      expect(spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(pause + grace + 10);
    }
    expect(podOf(values, 'ingress').spec.containers[0]?.lifecycle?.preStop?.exec?.command).toEqual([
      'sleep',
      '5',
    ]);
  });

  test('says settings that exist, and secrets by reference alone', () => {
    const known = new Set([
      ...Object.keys(settings.shape),
      ...Object.keys(oneAccount.shape),
      'TMPDIR',
      'ADMIN_NAME',
    ]);
    const ofTheFiles = ['FIRST_APP_SECRET', 'DEEPSEEK_KEY'];
    for (const { component, spec } of podsOf(objectsOf(values)))
      for (const { name, value } of spec.containers.flatMap(({ env = [] }) => env)) {
        if (!ofTheFiles.includes(name)) expect(known, component).toContain(name);
        if (secretNames.some((secret) => secret === name)) expect(value, name).toBeUndefined();
      }
    expect(ofKind(values, 'Secret')).toEqual([]);
  });

  test('lets one pod of each role go at a time', () => {
    const budgets = ofKind(values, 'PodDisruptionBudget').map(({ metadata, spec }) => [
      metadata.labels?.['app.kubernetes.io/component'],
      (spec as { maxUnavailable: number }).maxUnavailable,
    ]);
    expect(budgets).toEqual([
      ['ingress', 1],
      ['worker', 1],
    ]);
  });

  test('migrates before anything else of it is there', () => {
    const migrate = objectsOf(values).find(({ metadata }) => metadata.name.endsWith('-migrate'));
    expect(migrate?.metadata.annotations?.['helm.sh/hook']).toBe('pre-install,pre-upgrade');
    const { spec } = podOf(values, 'migrate');
    expect(spec.containers[0]?.args).toEqual(['migrate']);
    expect(spec.serviceAccountName).toBeUndefined();
    const secrets = spec.containers[0]?.env?.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []);
    expect(new Set(secrets)).toEqual(new Set(['wechat-database']));
    expect(spec.volumes?.filter(({ configMap }) => configMap)).toEqual([]);
  });
});

describe('the chart', () => {
  test('asks for what it cannot do without, in words', () => {
    const run = createHelm(helm, undefined);
    const account = ['--set', 'settings.WECHAT_APP_ID=wx0123456789abcdef'];
    expect(run('template', ...account).out).toContain('database.existingSecret: name the secret');
    expect(run('template', '--set', 'database.existingSecret=db').out).toContain('there is no account');
    const whole = ['--set', 'database.existingSecret=db', ...account];
    expect(run('template', ...whole, '--set', 'worker.keda.enabled=true').out).toContain(
      'worker.keda.prometheusAddress',
    );
    expect(run('template', ...whole, '--set', 'ingres.replicas=3').ok).toBe(false);
    expect(run('template', ...whole, '--set', 'settings.WECHAT_TOKEN=abc').out).toContain('WECHAT_TOKEN');
    const twice = '[{"name":"LOG_LEVEL","existingSecret":"a","key":"b"}]';
    const both = ['--set', 'settings.LOG_LEVEL=warn', '--set-json', `secretEnv=${twice}`];
    expect(run('template', ...whole, ...both).out).toContain('LOG_LEVEL, which is set already');
  });

  test('forbids among its settings every secret, and whatever it sets itself', () => {
    const schema = JSON.parse(readFileSync(path.join(chartDirectory, 'values.schema.json'), 'utf8')) as {
      $defs: { settings: { propertyNames: { not: { enum: string[] } } } };
    };
    const forbidden = schema.$defs.settings.propertyNames.not.enum;
    for (const name of secretNames) expect(forbidden).toContain(name);
    const own = (values: string) => (parse(valuesText(values)) as { settings: object }).settings;
    for (const role of ['ingress', 'worker'])
      for (const { name, value } of podOf('one-account', role).spec.containers[0]?.env ?? [])
        if (value !== undefined && !Object.hasOwn(own('one-account'), name))
          expect(forbidden).toContain(name);
  });

  test('takes settings as they are written: texts, numbers however large, and yes or no', () => {
    const env = Object.fromEntries(
      podOf('everything', 'ingress').spec.containers[0]?.env?.map(({ name, value }) => [name, value]) ?? [],
    );
    expect(env).toMatchObject({
      SEND_RATE: '1000000',
      ORDERED: 'true',
      RETENTION_DAYS: '365',
      LOG_LEVEL: 'warn',
    });
    const [files] = ofKind('one-account', 'ConfigMap');
    expect((files?.data as Record<string, string> | undefined)?.['rules.yaml']).toContain('{{account}}');
  });

  test('brings the alerts and the dashboard of deploy/, word for word', () => {
    const text = (name: string) => readFileSync(path.join(chartDirectory, '../..', name), 'utf8');
    const [rule] = ofKind('everything', 'PrometheusRule');
    expect(rule?.spec).toEqual(parse(text('alerts.yml')));
    const dashboard = ofKind('everything', 'ConfigMap').find(({ metadata }) =>
      metadata.name.endsWith('-dashboard'),
    );
    expect((dashboard?.data as Record<string, string> | undefined)?.['wechat-outbox.json']).toBe(
      text('grafana-dashboard.json'),
    );
  });

  test('puts every pod under a network policy, and lets none of them reach the metadata of a cloud', () => {
    const policies = ofKind('everything', 'NetworkPolicy');
    const selected = policies.flatMap(({ spec }) => {
      const { matchLabels, matchExpressions = [] } = (spec as PolicySpec).podSelector;
      return [
        matchLabels['app.kubernetes.io/component'] ?? [],
        ...matchExpressions.map(({ values }) => values),
      ].flat();
    });
    expect(selected.toSorted()).toEqual(
      podsOf(objectsOf('everything'))
        .map(({ component }) => component)
        .toSorted(),
    );
    for (const { spec } of policies)
      for (const { to = [] } of (spec as PolicySpec).egress)
        for (const { ipBlock } of to)
          if (ipBlock?.cidr === '0.0.0.0/0') expect(ipBlock.except).toContain('169.254.0.0/16');
  });

  test('is held against schemas that object to what is wrong', async ({ skip }) => {
    skip(!hasSchemas(), missingTools);
    const [deployment] = structuredClone(ofKind('one-account', 'Deployment'));
    if (!deployment) throw new Error('there is no deployment');
    const { template, ...spec } = deployment.spec as { template: { spec: object } };
    const wrong = { ...deployment, spec: { ...spec, replicas: 'two', template } };
    expect(await schemaProblems([wrong])).toEqual([expect.stringContaining('replicas')]);
    const odd = { ...template, spec: { ...template.spec, runAsNobody: true } };
    expect(unknownFields([{ ...deployment, spec: { ...spec, template: odd } }]).join('\n')).toContain(
      'runAsNobody',
    );
  });

  test('has as many pods of the webhook as its CPU asks for, and as many workers as the backlog does', () => {
    const [byCpu] = ofKind('everything', 'HorizontalPodAutoscaler');
    expect(byCpu?.spec).toMatchObject({
      scaleTargetRef: { kind: 'Deployment', name: 'wx-ingress' },
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization' } } }],
    });
    const [byBacklog] = ofKind('everything', 'ScaledObject');
    expect(byBacklog?.spec).toMatchObject({
      scaleTargetRef: { name: 'wx-worker' },
      triggers: [
        { type: 'prometheus', metadata: { query: expect.stringContaining('wechat_outbox_backlog') } },
      ],
    });
    // Else each upgrade would set the number back.
    for (const { spec } of ofKind('everything', 'Deployment')) expect(spec).not.toHaveProperty('replicas');
  });

  test('asks Prometheus for what more workers would help with', ({ skip }) => {
    skip(spawnSync('promtool', ['--version']).status !== 0, 'promtool is not installed');
    const [scaled] = ofKind('everything', 'ScaledObject');
    const triggers = (scaled?.spec as { triggers: { metadata: { query: string } }[] } | undefined)?.triggers;
    const query = triggers?.[0]?.metadata.query ?? '';
    const folder = scratchDirectory();
    const gathered = 'namespace="wechat", job="wx-admin"';
    const waits = (account: string, state: string, count: number, pod = 'a') => ({
      series: `wechat_outbox_backlog{account="${account}", state="${state}", pod="${pod}", ${gathered}}`,
      values: `${count}x5`,
    });
    const alive = { series: `wechat_outbox_workers_alive{${gathered}}`, values: '2x5' };
    const rests = (account: string) => ({
      series: `wechat_outbox_account_paused{account="${account}", reason="minute_quota", ${gathered}}`,
      values: '1x5',
    });
    const seen = [waits('wx1', 'ready', 300), waits('wx1', 'ready', 300, 'b'), waits('wx1', 'claimed', 100)];
    const ofOthers = {
      series: 'wechat_outbox_backlog{account="wx1", state="ready", job="x"}',
      values: '9x5',
    };
    const more = [waits('wx1', 'delayed', 500), waits('wx2', 'ready', 7_000), rests('wx2'), ofOthers];
    const one = (name: string, input_series: object[], value?: number) => ({
      ...{ name, interval: '1m', input_series },
      promql_expr_test: [
        { expr: query, eval_time: '3m', exp_samples: value === undefined ? [] : [{ labels: '{}', value }] },
      ],
    });
    const tests = [
      one('due or being answered, once, and no account at rest', [alive, ...seen, ...more], 400),
      one('all rest', [alive, waits('wx2', 'ready', 7_000), rests('wx2')], 0),
      one('the database is away', []),
    ];
    writeFileSync(
      path.join(folder, 'tests.yml'),
      JSON.stringify({ rule_files: [], evaluation_interval: '1m', tests }),
    );
    const { stdout, stderr } = spawnSync('promtool', ['test', 'rules', 'tests.yml'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(`${stdout}${stderr}`).toContain('SUCCESS');
  });

  test('is of the version that it starts', () => {
    const read = (file: string) => readFileSync(path.join(chartDirectory, file), 'utf8');
    const { appVersion } = parse(read('Chart.yaml')) as { appVersion: string };
    expect(appVersion).toBe((JSON.parse(read('../../../package.json')) as { version: string }).version);
  });

  test('asks paths that a running process has', async () => {
    const { start } = await setStage();
    const { adminUrl, webhookUrl } = await start({ replies: () => 'hi' });
    const probes = podsOf(objectsOf('everything')).flatMap(({ spec }) =>
      spec.containers.flatMap(({ startupProbe, livenessProbe, readinessProbe }) =>
        [startupProbe, livenessProbe, readinessProbe].flatMap((probe) => probe?.httpGet ?? []),
      ),
    );
    expect(new Set(probes.map(({ path }) => path))).toEqual(new Set(['/healthz', '/readyz']));
    const [monitor] = ofKind('everything', 'ServiceMonitor');
    const scraped = (monitor?.spec as { endpoints: { path: string }[] } | undefined)?.endpoints ?? [];
    for (const one of [...probes, ...scraped])
      expect((await fetch(new URL(one.path, adminUrl))).status, one.path).toBe(200);
    // Refused, for nobody signed it, is there all the same.
    expect((await fetch(new URL('/wechat', webhookUrl))).status).toBe(403);
    expect((await fetch(new URL('/jsapi/signature', adminUrl))).status).toBe(400);
  });
});

const valuesText = (values: string) =>
  readFileSync(path.join(chartDirectory, `../../../test/deploy/values/${values}.yaml`), 'utf8');

interface PolicySpec {
  podSelector: { matchLabels: Record<string, string>; matchExpressions?: { values: string[] }[] };
  egress: { to?: { ipBlock?: { cidr: string; except?: string[] } }[] }[];
}
