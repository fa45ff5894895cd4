import type { Benchmark } from './benchmark.ts';
import { type Arrivals, pushToArrival } from './latency.ts';
import { startProgram } from './processes.ts';

const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;

const way = (name: string, ratePerSecond: number, settings: Record<string, string> = {}) => ({
  ...{ name: `HTTP replies of 50 ms, ${name}`, ratePerSecond, settings },
  measured: [] as Arrivals[],
});

/**
 * From the push to its reply's arrival at the API, with replies by HTTP that take 50 ms; at half the rate too, which tells the
 * wait for a core from the time that the replies take.
 */
export const http: Benchmark = async (lab, { rounds }, progress) => {
  const backEnd = await startProgram('back-end', lab.settings);
  const settings = {
    REPLIES: `http://127.0.0.1:${backEnd.port}/reply`,
    REPLIES_HTTP_SECRET: secret,
    REPLIES_HTTP_PRIVATE: 'true',
  };
  const ways = [
    way('500/s', 500),
    way('250/s', 250),
    way('500/s, with a callback each', 500, { REPLIES_CALLBACK_URL: 'http://127.0.0.1' }),
  ];
  try {
    for (let round = 1; round <= rounds; round += 1) {
      for (const { name, ratePerSecond, settings: more, measured } of ways) {
        await lab.empty();
        const arrivals = await pushToArrival(lab, { ...settings, ...more }, ratePerSecond);
        measured.push(arrivals);
        const { p50, p99, busyCores } = arrivals;
        progress(
          `round ${round}, ${name}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${busyCores.toFixed(2)} cores busy`,
        );
      }
    }
  } finally {
    await backEnd.stop();
  }
  return ways.flatMap(({ name, measured }) => [
    { name: `${name}, p50`, unit: 'ms', values: measured.map(({ p50 }) => p50) },
    {
      ...{ name: `${name}, p99`, unit: 'ms', values: measured.map(({ p99 }) => p99) },
      goal: { kind: 'at-most' as const, value: 200 },
    },
    { name: `${name}, machine`, unit: 'cores busy', values: measured.map(({ busyCores }) => busyCores) },
  ]);
};
