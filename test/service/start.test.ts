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
