import { afterAll, beforeAll, expect, test } from 'vitest';
import { createUse, deleteUsage, type Use } from '../../../src/replies/checks/usage.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const minute = { quota: 3, seconds: 60 };
const day = { quota: 5, seconds: 86_400 };

let lastId = 0;
const useOf = (openid: string, more: Partial<Use> = {}): Use => {
  lastId += 1;
  return { appId: 'wx1', openid, messageId: String(lastId), limits: [minute, day], ...more };
};

/** Two pools, as two workers have. */
const counters = () => [createUse(database.pool), createUse(database.pool)] as const;

/** So much later: what was counted and told is that much older. */
async function pass(openid: string, seconds: number): Promise<void> {
  await database.rows(
    `update wechat.user_usage set
       used_at = array(select at - $2 * interval '1 s' from unnest(used_at) with ordinality as u (at, n) order by n),
       notices = (select coalesce(jsonb_object_agg(key, jsonb_set(value, '{at}',
         to_jsonb((value ->> 'at')::timestamptz - $2 * interval '1 s'))), '{}') from jsonb_each(notices)),
       kept_until = kept_until - $2 * interval '1 s'
     where openid = $1`,
    [openid, seconds],
  );
}

test('so many messages are within the limit and no more, over all workers at once', async () => {
  const [one, other] = counters();
  const uses = Array.from({ length: 40 }, () => useOf('oMany'));
  const results = await Promise.all(
    uses.map((use, index) => (index % 2 === 0 ? one : other)([use]).then(([result]) => result)),
  );
  expect(results.filter((result) => result?.kind === 'within')).toHaveLength(3);
  expect(results.filter((result) => result?.kind === 'exceeded' && result.isNoticeDue)).toHaveLength(1);
});

test('a message is counted once, however often it is asked for, also by two at once', async () => {
  const [one, other] = counters();
  const uses = [useOf('oAgain'), useOf('oAgain')];
  for (let round = 0; round < 5; round += 1) {
    const results = await Promise.all([one(uses), other([...uses].reverse())]);
    expect(results.flat()).toEqual(Array.from({ length: 4 }, () => ({ kind: 'within' })));
  }
  expect(await one([useOf('oAgain')])).toEqual([{ kind: 'within' }]);
  expect(await one([useOf('oAgain')])).toMatchObject([{ kind: 'exceeded' }]);
});

test('the notice is due once a period, and again for the message that it was due for', async () => {
  const [use] = counters();
  await use([useOf('oNotice'), useOf('oNotice'), useOf('oNotice')]);
  const told = useOf('oNotice');
  const notice = { kind: 'exceeded', limit: minute, isNoticeDue: true };
  expect(await use([told])).toEqual([notice]);
  expect(await use([useOf('oNotice')])).toEqual([{ ...notice, isNoticeDue: false }]);
  // The worker died before it was sent.
  expect(await use([told])).toEqual([notice]);
  await pass('oNotice', 61);
  // Of the day two are left.
  expect(await use([useOf('oNotice'), useOf('oNotice')])).toEqual([{ kind: 'within' }, { kind: 'within' }]);
  expect(await use([useOf('oNotice')])).toEqual([{ kind: 'exceeded', limit: day, isNoticeDue: true }]);
  await pass('oNotice', 61);
  expect(await use([useOf('oNotice')])).toEqual([{ kind: 'exceeded', limit: day, isNoticeDue: false }]);
  await pass('oNotice', 86_400);
  expect(await use([useOf('oNotice')])).toEqual([{ kind: 'within' }]);
});

test('what was not let through counts for nothing', async () => {
  const [use] = counters();
  await use(Array.from({ length: 20 }, () => useOf('oPatient')));
  await pass('oPatient', 61);
  expect(await use([useOf('oPatient')])).toEqual([{ kind: 'within' }]);
});

test('users and accounts are counted apart, with limits of their own', async () => {
  const [use] = counters();
  const limits = [{ quota: 1, seconds: 60 }];
  const results = await use([
    useOf('oApart', { limits }),
    useOf('oApart', { limits, appId: 'wx2' }),
    useOf('oOther', { limits }),
    useOf('oApart', { limits }),
  ]);
  expect(results.map(({ kind }) => kind)).toEqual(['within', 'within', 'within', 'exceeded']);
});

test('a row goes when nothing in it counts any more', async () => {
  const [use] = counters();
  await use([useOf('oGone'), useOf('oStays')]);
  await pass('oGone', 86_401);
  await deleteUsage(database.pool);
  const rows = await database.rows<{ openid: string }>(
    `select openid from wechat.user_usage where openid in ('oGone', 'oStays')`,
  );
  expect(rows).toEqual([{ openid: 'oStays' }]);
});
