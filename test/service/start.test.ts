import { expect, test } from 'vitest';
import { setStage } from '../support/stage.js';

test('a port that is taken is told', async () => {
  const { start } = await setStage();
  const { webhookPort } = await start({ role: 'ingress' });
  const again = start({ role: 'ingress', settings: { PORT: String(webhookPort) } });
  await expect(again).rejects.toThrow(`Cannot listen on 127.0.0.1:${webhookPort}`);
});

test('a database that refuses us is not waited for', async () => {
  const { database, start } = await setStage();
  const url = new URL(database.url);
  url.pathname = '/nowhere';
  await expect(start({ databaseUrl: url.href })).rejects.toThrow('database "nowhere" does not exist');
});

test.each(['alive', 'jobs'])(
  'a database that goes away while the worker starts is waited for, on the connection %s as on all others',
  async (name) => {
    const { database, simulator, start } = await setStage();
    const [version] = await database.rows<{ number: string }>(
      `select current_setting('server_version_num') as number`,
    );
    // Triggers on login came with 17; on servers before it the stress and the soak try the same.
    if (Number(version?.number) < 170_000) return;
    await database.pool.query(`
      create sequence public.try;
      create function public.refuse() returns event_trigger language plpgsql as $$
      begin
        if current_setting('application_name') = 'wechat-outbox ${name}' and nextval('public.try') <= 3 then
          raise exception 'gone for a moment' using errcode = '57P01';
        end if;
      end $$;
      create event trigger refuse on login execute function public.refuse();
      alter event trigger refuse enable always`);
    await start();
    await simulator.user('oUser').say('hello');
    await simulator.waitForDelivered('oUser', 1);
    const [tries] = await database.rows<{ last: string }>('select last_value as last from public.try');
    expect(Number(tries?.last)).toBeGreaterThan(3);
  },
);
