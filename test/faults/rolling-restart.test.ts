import { expect, onTestFinished, test } from 'vitest';
import { startTcpProxy } from '../../scripts/soak/tcp-proxy.js';
import { type Command, runCommand } from '../support/processes.js';
import { testSettings } from '../support/service.js';
import { setStage, settled } from '../support/stage.js';

test('a rolling restart under load loses nothing, repeats nothing, and no user notices', {
  timeout: 90_000,
}, async () => {
  const { account, simulator, database } = await setStage();
  const settings = testSettings({ account, simulator, databaseUrl: database.url });
  const ports = new Set<number>();
  const balancer = await startTcpProxy(() => [...ports]);
  onTestFinished(() => balancer.close());
  simulator.setWebhookUrl(`http://127.0.0.1:${balancer.port}/wechat`);

  async function startIngress(): Promise<Command & { port: number }> {
    const ingress = runCommand(['start', '--role', 'ingress'], settings);
    const { webhook_port: port } = await ingress.event('started');
    ports.add(Number(port));
    return Object.assign(ingress, { port: Number(port) });
  }
  async function startWorker(): Promise<Command> {
    const worker = runCommand(['start', '--role', 'worker'], settings);
    await worker.event('started');
    return worker;
  }
  const [ingresses, workers] = [
    [await startIngress(), await startIngress()],
    [await startWorker(), await startWorker()],
  ];

  let restarting = true;
  const said = new Map<string, string[]>();
  const users = Array.from({ length: 20 }, async (_, index) => {
    const openid = `oUser${index}`;
    const texts: string[] = [];
    said.set(openid, texts);
    while (restarting) {
      const text = `${index}-${texts.length}`;
      const { outcome } = await simulator.user(openid).say(text);
      expect(outcome).toBe('acknowledged');
      texts.push(text);
    }
  });
  for (const old of ingresses) {
    await startIngress();
    // The balancer is told first, as it would be by a failing readiness check.
    ports.delete(old.port);
    old.child.kill('SIGTERM');
    expect(await old.exited).toBe(0);
  }
  for (const old of workers) {
    await startWorker();
    old.child.kill('SIGTERM');
    expect(await old.exited).toBe(0);
  }
  restarting = false;
  await Promise.all(users);

  const total = [...said.values()].flat().length;
  await settled(database, total);
  expect(await database.rows(`select distinct outcome from wechat.delivery_attempt`)).toEqual([
    { outcome: 'sent' },
  ]);
  expect(simulator.delivered).toHaveLength(total);
});
