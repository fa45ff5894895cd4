import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { root } from './pages.js';

interface Job {
  'timeout-minutes'?: number;
  strategy?: { matrix: { node: number[] } };
  steps: { uses?: string; run?: string; with?: Record<string, unknown> }[];
}

const folder = path.join(root, '.github/workflows');
const workflows = readdirSync(folder).map((file) => {
  const { jobs } = parse(readFileSync(path.join(folder, file), 'utf8')) as { jobs: Record<string, Job> };
  return { file, jobs };
});
const ci = workflows.find(({ file }) => file === 'ci.yml')?.jobs;
const { scripts, engines } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
  engines: { node: string };
};

describe.each(workflows)('$file', ({ jobs }) => {
  test.each(Object.entries(jobs))('%s ends by itself, and runs scripts that exist', (_name, job) => {
    expect(job['timeout-minutes']).toBeGreaterThan(0);
    expect(job.steps.filter(({ uses, run }) => Boolean(uses) === Boolean(run))).toEqual([]);
    const called = job.steps.flatMap(({ run = '' }) =>
      [...run.matchAll(/npm (?:run (?:--silent )?)?([a-z][\w:]*)/g)].map(([, name = '']) => name),
    );
    const ofNpm = ['ci', 'install', 'pkg', 'publish'];
    expect(called.filter((name) => !ofNpm.includes(name) && !(name in scripts))).toEqual([]);
  });
});

test('the suite and its checks run on the oldest Node that is supported, and on that of the image', () => {
  const oldest = Number(/\d+/.exec(engines.node)?.[0]);
  const ofImage = Number(/FROM node:(\d+)/.exec(readFileSync(path.join(root, 'Dockerfile'), 'utf8'))?.[1]);
  expect(ci?.suite?.strategy?.matrix.node).toEqual([oldest, ofImage]);
  const runs = ci?.suite?.steps.map(({ run }) => run);
  expect(runs).toEqual(expect.arrayContaining(['npm run check', 'npm test']));
});

test('the image is built for both platforms, and published with a list of what is in it', () => {
  const publish = workflows.find(({ file }) => file === 'publish.yml')?.jobs;
  const step = publish?.image?.steps.find(({ uses }) => uses?.startsWith('docker/build-push-action'));
  expect(step?.with).toMatchObject({ platforms: 'linux/amd64,linux/arm64', push: true, sbom: true });
  const runs = ci?.image?.steps.map(({ run }) => run).join('\n');
  for (const platform of ['linux/amd64', 'linux/arm64']) expect(runs).toContain(`--platform ${platform}`);
});

test('what is released is checked as a package, tried as one, and comes with its parts and their licences', () => {
  const publish = workflows.find(({ file }) => file === 'publish.yml')?.jobs;
  const runs = publish?.npm?.steps.map(({ run }) => run?.replace(/ >.*/, ''));
  const wanted = ['check', 'package:check', 'package:try', '--silent sbom'].map((name) => `npm run ${name}`);
  expect(runs).toEqual(expect.arrayContaining(wanted));
  expect(scripts.check).toContain('licences');
});
