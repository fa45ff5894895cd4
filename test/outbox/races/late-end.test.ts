import { expect, test } from 'vitest';
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
