import type { Benchmark } from './benchmark.ts';
import { pushToArrival } from './latency.ts';
import { startProgram } from './processes.ts';

const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;

/** From the push to its reply's arrival at the API, with replies by HTTP that take 50 ms; without callbacks, and with them. */
export const http: Benchmark = async (lab, { rounds }, progress) => {
  const backEnd = await startProgram('back-end', lab.settings);
  const settings = {
    REPLIES: `http://127.0.0.1:${backEnd.port}/reply`,
    REPLIES_HTTP_SECRET: secret,
    REPLIES_HTTP_PRIVATE: 'true',
  };
  const ways = { '': {}, ', with a callback each': { REPLIES_CALLBACK_URL: 'http://127.0.0.1' } };
  const measured = Object.keys(ways).map((way) => ({ way, p50: [] as number[], p99: [] as number[] }));
  try {
    for (let round = 1; round <= rounds; round += 1) {
      for (const [index, more] of Object.values(ways).entries()) {
        await lab.empty();
        const { p50, p99 } = await pushToArrival(lab, { ...settings, ...more });
        const one = measured[index];
        one?.p50.push(p50);
        one?.p99.push(p99);
        progress(`round ${round}${one?.way}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`);
      }
    }
  } finally {
    await backEnd.stop();
  }
  const unit = 'ms';
  return measured.flatMap(({ way, p50, p99 }) => [
    { name: `HTTP replies of 50 ms, 500/s${way}, p50`, unit, values: p50 },
    {
      ...{ name: `HTTP replies of 50 ms, 500/s${way}, p99`, unit, values: p99 },
      goal: { kind: 'at-most' as const, value: 200 },
    },
  ]);
};
