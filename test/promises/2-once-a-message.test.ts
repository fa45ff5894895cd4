import { describe, expect, test } from 'vitest';
import { runCommand } from '../support/processes.js';
import { testSettings } from '../support/service.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

describe('copies of one push', () => {
  test('fifty at once over two ingress processes are stored and answered once', async () => {
    const { account, simulator, database, start } = await setStage();
    await start({ role: 'worker' });
    const settings = {
      ...testSettings({ account, simulator, databaseUrl: database.url }),
      LOG_LEVEL: 'info',
    };
    const ingresses = await Promise.all(
      [1, 2].map(async () => {
        const { webhook_port } = await runCommand(['start', '--role', 'ingress'], settings).event('started');
        return `http://127.0.0.1:${webhook_port}/wechat`;
      }),
    );
    const user = simulator.user('oUser');
    for (const push of [() => user.say('hello'), () => user.subscribe()]) {
      simulator.setWebhookUrl(String(ingresses[0]));
      const first = push();
      const original = await first;
      const copies = Array.from({ length: 50 }, (_, index) => {
        simulator.setWebhookUrl(String(ingresses[index % 2]));
        return user.resend(original);
      });
      for (const copy of await Promise.all(copies))
        expect(copy.tries).toMatchObject([{ status: 200, body: '' }]);
    }
    await simulator.waitForDelivered('oUser', 4);
    await settled(database, 2);
    expect(simulator.inboxOf('oUser')).toHaveLength(4);
  });

  test('that race each other from the start are stored and answered once, whichever group they fall into', async () => {
    const { simulator, database, start } = await setStage();
    const services = await Promise.all([start({ role: 'ingress' }), start({ role: 'ingress' })]);
    const user = simulator.user('oUser');
    // Nothing is stored yet: all fifty may be the first.
    simulator.setWebhookUrl('http://127.0.0.1:9/nobody');
    const unheard = await user.say('hello');
    expect(unheard.outcome).toBe('notice');
    const copies = Array.from({ length: 50 }, (_, index) => {
      simulator.setWebhookUrl(services[index % 2]?.webhookUrl ?? '');
      return user.resend(unheard);
    });
    for (const { outcome } of await Promise.all(copies)) expect(outcome).toBe('acknowledged');
    expect(await database.rows('select content from wechat.inbound_message')).toEqual([{ content: 'hello' }]);
    // Copies ring for a lane that nobody holds yet. More rings than one do no harm.
    await start({ role: 'worker' });
    await settled(database, 1);
    await waitFor(
      'every ring to be heard',
      async () => (await database.rows('select from graphile_worker.jobs')).length === 0,
    );
    expect(simulator.inboxOf('oUser')).toHaveLength(1);
    expect(await database.rows('select from wechat.lane')).toEqual([]);
  });
});

test('two different events of a user in the same second are both kept', async () => {
  const now = Date.now();
  const { simulator, database, start } = await setStage({ clock: () => now });
  await start({ role: 'ingress' });
  const user = simulator.user('oUser');
  await Promise.all([
    user.subscribe(),
    user.event('LOCATION', { Latitude: 31, Longitude: 121 }),
    user.click('A'),
    user.click('B'),
  ]);
  expect(
    await database.rows('select event, event_key from wechat.inbound_message order by event, event_key'),
  ).toEqual([
    { event: 'click', event_key: 'A' },
    { event: 'click', event_key: 'B' },
    { event: 'location', event_key: null },
    { event: 'subscribe', event_key: null },
  ]);
});
