import { fuzzPushes } from '../../test/support/push-fuzz.js';

/** Runs the fuzz of the suite for longer: `npm run fuzz`, or `npm run fuzz -- <runs> <seed>`. */
const [runs = 100_000, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number);

const startedAt = performance.now();
fuzzPushes(runs, seed);
const seconds = (performance.now() - startedAt) / 1_000;
console.log(
  `${runs.toLocaleString('en')} runs (seed ${seed}): every text arrived as it was, ${Math.round(runs / seconds)} runs/s`,
);
