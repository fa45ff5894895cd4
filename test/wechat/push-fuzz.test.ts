import { test } from 'vitest';
import { fuzzPushes } from '../support/push-fuzz.js';

/** For longer: `npm run fuzz`; again as it was: with FUZZ_SEED. */
const runs = Number(process.env.FUZZ_RUNS ?? 3_000);
const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));

test('whatever a user writes arrives as it was, under its own sender and MsgId', { timeout: 600_000 }, () => {
  const startedAt = performance.now();
  fuzzPushes(runs, seed);
  const rate = runs / ((performance.now() - startedAt) / 1_000);
  if (process.env.FUZZ_RUNS) console.log(`${runs} runs (seed ${seed}), ${Math.round(rate)} a second`);
});
