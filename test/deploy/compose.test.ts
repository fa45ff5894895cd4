import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { oneAccount, secretNames, settings } from '../../src/config/schema.js';

interface Service {
  image: string;
  command?: string[];
  environment?: Record<string, unknown>;
  user?: string;
  read_only?: boolean;
  tmpfs?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  stop_grace_period?: string;
  profiles?: string[];
  ports?: string[];
}

const read = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../deploy/compose/${name}`, import.meta.url)), 'utf8');
const { services } = parse(read('compose.yaml'), { merge: true }) as { services: Record<string, Service> };
const ours = Object.entries(services).filter(([, { image }]) => image === 'wechat-outbox');
const known = new Set([...Object.keys(settings.shape), ...Object.keys(oneAccount.shape)]);
const files = new Set(secretNames.map((name) => `${name}_FILE`));

describe('deploy/compose', () => {
  test('runs what is ours without root, and with a read-only root', () => {
    expect(ours.map(([name]) => name)).toEqual(['migrate', 'ingress', 'worker']);
    for (const [name, service] of [...ours, ['proxy', services.proxy] as const]) {
      expect(service, name).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
      expect(service?.tmpfs?.[0], name).toMatch(/^\/tmp:/);
    }
    for (const [name, { user }] of ours) expect(user, name).toBe('1000:1000');
  });

  test('says settings that exist, and no secret', () => {
    const example = [...read('wechat-outbox.env.example').matchAll(/^#?([A-Z_]+)=/gm)].map(
      ([, name = '']) => name,
    );
    for (const name of [...example, ...ours.flatMap(([, { environment = {} }]) => Object.keys(environment))])
      expect(known.has(name) || files.has(name) || name === 'TMPDIR', name).toBe(true);
    for (const [, { environment = {} }] of ours)
      for (const secret of secretNames)
        if (secret !== 'DATABASE_URL') expect(Object.keys(environment)).not.toContain(secret);
    expect(services.worker?.environment?.DATABASE_URL).toBe('postgres://wechat@postgres:5432/wechat');
  });

  test('waits longer for an end than a process waits for its work, and keeps the admin port to itself', () => {
    const grace = settings.shape.SHUTDOWN_GRACE.parse(undefined);
    for (const [name, { stop_grace_period }] of ours)
      expect(Number.parseInt(stop_grace_period ?? '0', 10), name).toBeGreaterThanOrEqual(grace + 10);
    expect(services.ingress?.ports?.every((port) => port.startsWith('127.0.0.1:'))).toBe(true);
    expect(services.worker?.ports).toBeUndefined();
    expect(services.proxy?.profiles).toEqual(['proxy']);
  });

  test('lets nginx write to /tmp alone, and pass on nothing but the webhook', () => {
    const main = read('nginx/nginx.conf');
    for (const [, folder] of main.matchAll(/_temp_path (\S+);/g)) expect(folder).toMatch(/^\/tmp\//);
    expect(main).toContain('pid /tmp/nginx.pid;');
    const passedOn = [...read('nginx/webhook.conf').matchAll(/location (?:= )?(\S+) \{ proxy_pass/g)];
    expect(passedOn.map(([, path]) => path)).toEqual(['/wechat', '/wechat/', '/replies/callback/']);
    const limit = Number(/proxy_read_timeout (\d+)s/.exec(read('nginx/passed-on.conf'))?.[1]);
    expect(limit).toBeGreaterThanOrEqual(5);
  });
});
