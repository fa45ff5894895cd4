import { expect, test } from 'vitest';
import type { Pool } from '../../../src/db/pool.js';
import { createEnd } from '../../../src/outbox/end.js';
import { createSettle } from '../../../src/outbox/settle.js';
import { sent } from '../../support/lanes.js';
import { newUser, useRaces } from '../../support/races.js';

/** A worker tells how an attempt ended after the database has lost all that it knew of it. */
const races = useRaces();

async function planned() {
  const openid = newUser();
  await races().lanes.say(openid);
  const worker = await races().lanes.worker();
  const lane = await worker.take(openid);
  const [delivery] = (await worker.plan(lane, 'answer')) ?? [];
  if (!delivery) throw new Error('nothing was planned');
  return { worker, lane, delivery };
}

const attemptsOf = (id: string) =>
  races().database.rows<{ attempt: number; outcome: string }>(
    'select attempt, outcome from wechat.delivery_attempt where delivery_id = $1 order by attempt',
    [id],
  );

test('the end of an attempt that the database does not know of leaves nothing behind', async () => {
  const { worker, lane, delivery } = await planned();
  const lost = String(BigInt(delivery.id) + 1n);
  const end = sent(delivery);
  expect(await worker.end(lane, { ...end, deliveryId: lost })).toBe(false);
  expect(await attemptsOf(lost)).toEqual([]);
  expect(await worker.end(lane, { ...end, attempt: end.attempt + 1 })).toBe(false);
  expect(await attemptsOf(delivery.id)).toEqual([]);
  expect(await worker.settle(lane, { end: { ...end, deliveryId: lost } })).toBe('refused');
  expect(await attemptsOf(lost)).toEqual([]);
  expect(await worker.settle(lane, { end })).toBe('gone');
  expect(await attemptsOf(delivery.id)).toEqual([{ attempt: end.attempt, outcome: 'sent' }]);
});

/** Two that were begun, by now unknown: their lanes are lost. */
async function twoLost() {
  const two = [await planned(), await planned()] as const;
  await races().database.rows(
    `select from wechat.hold_messages(array(select message_id from wechat.delivery where id = any($1::bigint[])))`,
    [two.map(({ delivery }) => delivery.id)],
  );
  return two;
}

type Lost = Awaited<ReturnType<typeof twoLost>>[number];

const ways: Record<string, (pool: Pool, lost: readonly Lost[]) => Promise<unknown>> = {
  end: (pool, lost) => createEnd(pool)(lost.map(({ lane, delivery }) => ({ ...lane, ...sent(delivery) }))),
  settle: (pool, lost) =>
    createSettle(pool)(lost.map(({ lane, delivery }) => ({ lane, status: 'settled', end: sent(delivery) }))),
};

test.each(['end', 'settle'])(
  'late, without a lane, %s locks deliveries in their order, however they came',
  async (way) => {
    const [first, last] = await twoLost();
    const holder = await races().connect();
    const late = await races().connect();
    await holder.begin();
    await holder.client.query('select from wechat.delivery where id = $1 for update', [first.delivery.id]);
    const started = await late.start(async () => ways[way]?.(late.client as Pool, [last, first]));
    expect(started.waits).toBe(true);
    // Who waits for the first has not yet locked the last: whoever has the first may have it, too.
    await holder.client.query('select from wechat.delivery where id = $1 for update nowait', [
      last.delivery.id,
    ]);
    await holder.rollback();
    await started.answer;
    for (const { delivery } of [first, last])
      expect(await attemptsOf(delivery.id)).toEqual([{ attempt: 1, outcome: 'sent' }]);
  },
);
