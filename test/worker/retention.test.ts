import { describe, expect, test } from 'vitest';
import type { TestDatabase } from '../support/database.js';
import { storeYear, type Told, tell } from '../support/history.js';
import { sampleValue, scrape } from '../support/scrape.js';
import { setStage } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const days = 24;

const old: Told = {
  openid: 'oOld',
  hoursAgo: 60 * days,
  text: 'hi',
  replies: [{ text: 'a' }, { text: 'b' }],
};
const young: Told = { openid: 'oYoung', hoursAgo: 29 * days, text: 'hi', replies: [{ text: 'a' }] };

const users = async ({ rows }: Pick<TestDatabase, 'rows'>) =>
  (await rows<{ openid: string }>('select openid from wechat.inbound_message order by id')).map(
    ({ openid }) => openid,
  );

describe('a worker', () => {
  test('deletes what was settled longer ago, with deliveries and attempts, and says so', async () => {
    const { account, database, start } = await setStage();
    await tell(database.pool, account.appId, [old, { ...old, status: 'failed', replies: [] }, young]);
    const { adminUrl, logged } = await start({ role: 'worker', settings: { RETENTION_DAYS: '30' } });
    await waitFor('the old messages to go', async () => (await users(database)).length === 1);
    expect(await users(database)).toEqual(['oYoung']);
    for (const table of ['delivery', 'delivery_attempt'])
      expect(await database.rows(`select from wechat.${table}`), table).toHaveLength(1);
    const line = await waitFor('the line in the log', () =>
      logged.find(({ event }) => event === 'retention'),
    );
    expect(line).toMatchObject({ level: 'info', messages: 2, workers: 0, older_than_days: 30 });
    expect(sampleValue(await scrape(adminUrl), 'wechat_outbox_retention_deleted_total')).toBe(2);
  });

  test('and another share the work', async () => {
    const { account, database, start } = await setStage();
    await storeYear(database.pool, account.appId, 2_000);
    const count = async () => (await users(database)).length;
    const settings = { RETENTION_DAYS: '30' };
    const services = [await start({ role: 'worker', settings }), await start({ role: 'worker', settings })];
    const kept = await waitFor('all that is old to go', async () => {
      const [row] = await database.rows<{ old: number }>(
        `select count(*)::int as old from wechat.inbound_message where settled_at < now() - interval '30 days'`,
      );
      return row?.old === 0 && count();
    });
    const deleted = await waitFor('both to have counted', async () => {
      const samples = await Promise.all(services.map(({ adminUrl }) => scrape(adminUrl)));
      const each = samples.map((sample) => sampleValue(sample, 'wechat_outbox_retention_deleted_total') ?? 0);
      return each.reduce((sum, one) => sum + one, 0) === 2_000 - kept && each;
    });
    expect(Math.max(...deleted)).toBeGreaterThan(0);
    const failures = services.flatMap(({ logged }) =>
      logged.filter(({ event }) => event === 'maintenance_failed'),
    );
    expect(failures).toEqual([]);
  });

  test('keeps everything where nothing else is set', async () => {
    const { account, database, start } = await setStage();
    await tell(database.pool, account.appId, [old]);
    await database.pool.query(`insert into wechat.worker_process (hostname, pid) values ('gone', 1)`);
    // By the time that a dead worker is given up, the first batch would long have been deleted.
    const { logged } = await start({ role: 'worker', settings: { RESCUE_AFTER: '4' } });
    await waitFor('the rescue', () => logged.find(({ event }) => event === 'rescued'));
    expect(await users(database)).toEqual(['oOld']);
  });
});
