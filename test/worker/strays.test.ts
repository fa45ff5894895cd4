import { expect, onTestFinished, test } from 'vitest';
import { createClaims, type HeldMessage } from '../../src/outbox/claim.js';
import { createRecords } from '../../src/outbox/record.js';
import { createStrays } from '../../src/worker/strays.js';
import { createTestDatabase } from '../support/database.js';
import { registerWorker } from '../support/worker.js';

/** Two messages of two users, a worker, and what it takes to claim them and give them back. */
async function setStage() {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const ids = await database.rows<{ id: string }>(
    `insert into wechat.inbound_message (app_id, dedupe_key, openid, msg_type, created_at, payload)
     select 'wx', 'msg:' || n, 'o' || n, 'text', now(), '{}' from generate_series(1, 2) n returning id`,
  );
  const [lost = '', fresh = ''] = ids.map(({ id }) => id);
  const workerId = await registerWorker(database);
  const claims = createClaims(database.pool);
  const records = createRecords(database.pool);
  const claim = (id: string) => claims.claim([id], workerId);
  return {
    lost,
    fresh,
    claim,
    claims,
    workerId: () => workerId,
    release: ({ id, claimedAt }: HeldMessage) =>
      records.finish([
        {
          messageId: id,
          workerId,
          claimedAt,
          end: { kind: 'released', delayMs: 0, refundAttempt: false },
          error: undefined,
        },
      ]),
    async claimed() {
      const rows = await database.rows<{ id: string }>(
        'select id from wechat.inbound_message where claimed_by is not null order by id',
      );
      return rows.map(({ id }) => id);
    },
  };
}

test('a claim whose answer was lost is given back, one that is in hand is not', async () => {
  const { lost, fresh, claim, claims, workerId, release, claimed } = await setStage();
  await claim(lost);
  await claim(fresh);
  const strays = createStrays({
    heldBy: claims.heldBy,
    workerId,
    release,
    isInHand: (id) => id === fresh,
  });
  expect(await strays.giveBack()).toBe(1);
  expect(await claimed()).toEqual([fresh]);
});

test('a claim that begins while Postgres is asked for strays, or is under way, is none', async () => {
  const { lost, fresh, claim, claims, workerId, release, claimed } = await setStage();
  await claim(lost);
  const strays = createStrays({
    async heldBy(...question) {
      // The answer to this claim is on its way while the question is asked.
      await strays.claiming(() => claim(fresh));
      return claims.heldBy(...question);
    },
    workerId,
    release,
    isInHand: () => false,
  });
  expect(await strays.giveBack()).toBe(0);
  expect(await claimed()).toEqual([lost, fresh]);

  const busy = createStrays({ heldBy: claims.heldBy, workerId, release, isInHand: () => false });
  await busy.claiming(async () => {
    expect(await busy.giveBack()).toBe(0);
  });
  expect(await busy.giveBack()).toBe(2);
  expect(await claimed()).toEqual([]);
});
