import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { type Sample, sampleValue, scrape } from '../support/scrape.js';
import { setStage, settled } from '../support/stage.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';

interface Panel {
  type: string;
  title: string;
  targets?: { expr: string; legendFormat: string }[];
}

interface Dashboard {
  title: string;
  schemaVersion: number;
  templating: { list: { name: string; type: string; definition?: string }[] };
  panels: Panel[];
}

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; description: string };
}

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const alertsFile = file('../../deploy/alerts.yml');
const dashboard = JSON.parse(readFileSync(file('../../deploy/grafana-dashboard.json'), 'utf8')) as Dashboard;
const rules = (parse(readFileSync(alertsFile, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const targets = dashboard.panels.flatMap(({ title, targets: own = [] }) =>
  own.map((target) => ({ title, ...target })),
);

/** What Prometheus adds to every series by itself. */
const ofPrometheus = ['job', 'instance'];

/** Metrics that an expression names, and the labels that it asks of each, and of one of them. */
function readExpression(expr: string) {
  const text = expr.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  const names = [...text.matchAll(/\b((?:wechat_outbox|nodejs|process)_\w+)(?:\{([^}]*)\})?/g)];
  const grouping = [...text.matchAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g)];
  return {
    metrics: names.map(([, name = '', selector = '']) => ({
      name,
      labels: [...selector.matchAll(/(\w+)\s*[=!]/g)].map(([, label = '']) => label),
    })),
    grouped: grouping.flatMap(([, list = '']) => list.split(',').map((label) => label.trim())),
  };
}

/** What is wrong with it, by what a running service shows. */
function problemsOf(expr: string, shown: readonly string[], samples: readonly Sample[]): string[] {
  const labelsOf = (metric: string) =>
    new Set(samples.filter(({ name }) => name === metric).flatMap(({ labels }) => Object.keys(labels)));
  const { metrics, grouped } = readExpression(expr);
  const problems = metrics.length === 0 ? ['no metric is named'] : [];
  for (const { name, labels } of metrics) {
    if (!samples.some((sample) => sample.name === name)) problems.push(`there is no ${name}`);
    for (const label of labels)
      if (!labelsOf(name).has(label)) problems.push(`${name} has no label ${label}`);
  }
  for (const label of [...grouped, ...shown]) {
    const isThere = ofPrometheus.includes(label) || metrics.some(({ name }) => labelsOf(name).has(label));
    if (!isThere) problems.push(`no metric has the label ${label}`);
  }
  return problems;
}

const labelsIn = (text: string) =>
  [...text.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label = '']) => label);

describe('of what a running service shows', () => {
  let samples: readonly Sample[] = [];

  /** One of everything: a push, an attempt that fails and one that does not, a token, a pause. */
  async function act(): Promise<void> {
    const { simulator, account, database, start } = await setStage();
    const rulesFile = path.join(scratchDirectory(), 'rules.yaml');
    writeFileSync(rulesFile, 'rules:\n  - when: { keyword: hello }\n    answer: hi\n');
    const { adminUrl } = await start({ repliesOfSettings: true, settings: { REPLIES: rulesFile } });
    simulator.faults.add({ fault: { errcode: -1 } });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    await database.pool.query('select wechat.pause($1)', [account.appId]);
    samples = await waitFor('a scrape with all in it', async () => {
      const seen = await scrape(adminUrl);
      const isPaused = sampleValue(seen, 'wechat_outbox_account_paused') === 1;
      return isPaused && sampleValue(seen, 'wechat_outbox_token_expires_seconds') !== undefined && seen;
    });
  }

  test('the dashboard asks for metrics and labels that exist, and so do the alerts', async () => {
    await act();
    const asked = targets.map(({ title, expr, legendFormat }) => ({
      title,
      problems: problemsOf(expr, labelsIn(legendFormat), samples),
    }));
    const watched = rules.map(({ alert, expr, annotations }) => ({
      title: alert,
      problems: problemsOf(expr, labelsIn(annotations.summary + annotations.description), samples),
    }));
    expect([...asked, ...watched].filter(({ problems }) => problems.length > 0)).toEqual([]);
    const variable = dashboard.templating.list.find(({ name }) => name === 'account')?.definition ?? '';
    const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(variable) ?? [];
    expect(problemsOf(`${metric}{${label}=""}`, [], samples)).toEqual([]);

    // The check itself: what does not exist is found.
    expect(problemsOf('sum by (nobody) (wechat_outbox_nothing{account="x"})', [], samples)).toEqual([
      'there is no wechat_outbox_nothing',
      'wechat_outbox_nothing has no label account',
      'no metric has the label nobody',
    ]);
    // And all that we made ourselves is looked at by someone.
    const exprs = [...targets, ...rules].map(({ expr }) => expr).join('\n');
    const ours = new Set(samples.map(({ name }) => name.replace(/_(bucket|sum|count)$/, '')));
    const unseen = [...ours].filter((name) => name.startsWith('wechat_outbox_') && !exprs.includes(name));
    expect(unseen).toEqual([]);
  });
});

describe('the dashboard', () => {
  test('can be imported anywhere: data source and account are chosen there, every panel has its place', () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36);
    expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['account', 'query'],
    ]);
    const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows).toEqual([
      ...['Now', 'Ingress', 'Backlog', 'Deliveries', 'Replies and people', 'Latency', 'Tokens', 'Processes'],
    ]);
    const text = JSON.stringify(dashboard.panels);
    for (const [, uid] of text.matchAll(/"uid":"([^"]*)"/g)) expect(uid).toMatch(/^\$\{datasource\}$/);
    const cells = new Set<string>();
    for (const { id, gridPos } of dashboard.panels as unknown as PlacedPanel[]) {
      expect(gridPos.x + gridPos.w, `panel ${id}`).toBeLessThanOrEqual(24);
      cells.add(`${gridPos.x} ${gridPos.y}`);
    }
    expect(cells.size).toBe(dashboard.panels.length);
  });
});

interface PlacedPanel {
  id: number;
  gridPos: { x: number; y: number; w: number; h: number };
}

describe('each alert', () => {
  test.each(rules)(
    '$alert says how bad it is, what is so, and which command to run',
    ({ labels, annotations }) => {
      expect(['warning', 'critical']).toContain(labels.severity);
      expect(annotations.summary).not.toBe('');
      expect(annotations.description).toMatch(/"wechat-outbox (status|doctor|list --state \w+)"/);
    },
  );
});

test('each alert is seen to fire, and to be silent, by the unit tests of the rules', () => {
  const { tests } = parse(readFileSync(file('alerts.promtool.yml'), 'utf8')) as {
    tests: {
      input_series: { series: string }[];
      promql_expr_test: { exp_samples: { labels: string }[] }[];
    }[];
  };
  const fired = tests.map((one) =>
    one.promql_expr_test.flatMap(({ exp_samples }) =>
      exp_samples.map(({ labels }) => /alertname="(\w+)"/.exec(labels)?.[1]),
    ),
  );
  for (const { alert } of rules) {
    expect(fired.filter((names) => names.includes(alert)).length, `${alert} fires`).toBeGreaterThan(0);
    expect(fired.filter((names) => !names.includes(alert)).length, `${alert} is silent`).toBeGreaterThan(0);
  }
  // Where all is well, all that could fire has something to look at.
  const [well] = tests;
  const shown = new Set(well?.input_series.map(({ series }) => /^\w+/.exec(series)?.[0]));
  for (const { alert, expr } of rules)
    for (const { name } of readExpression(expr).metrics) expect(shown, `${alert}: ${name}`).toContain(name);
});

describe('promtool', () => {
  let isMissing = true;
  const missing = 'promtool is not installed (apt-get install prometheus has it)';

  beforeAll(() => {
    isMissing = spawnSync('promtool', ['--version']).status !== 0;
  });

  test('finds no fault with the alert rules, and they fire when they should, and else not', ({ skip }) => {
    skip(isMissing, missing);
    const folder = scratchDirectory();
    copyFileSync(alertsFile, path.join(folder, 'alerts.yml'));
    copyFileSync(file('alerts.promtool.yml'), path.join(folder, 'tests.yml'));
    expect(promtool(folder, 'check', 'rules', 'alerts.yml')).toContain('SUCCESS');
    expect(promtool(folder, 'test', 'rules', 'tests.yml')).toContain('SUCCESS');
  });

  test('can read every expression of the dashboard', ({ skip }) => {
    skip(isMissing, missing);
    const folder = scratchDirectory();
    const recorded = targets.map(({ expr }, index) => ({
      record: `panel:${index}`,
      expr: expr.replaceAll('[$__rate_interval]', '[5m]').replaceAll('$account', '.*'),
    }));
    writeFileSync(
      path.join(folder, 'panels.yml'),
      stringify({ groups: [{ name: 'panels', rules: recorded }] }),
    );
    expect(promtool(folder, 'check', 'rules', 'panels.yml')).toContain(`${targets.length} rules found`);
  });
});

function promtool(cwd: string, ...args: string[]): string {
  try {
    return execFileSync('promtool', args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`promtool ${args.join(' ')}:\n${stdout}${stderr}`);
  }
}
