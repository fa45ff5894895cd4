import { expect, test } from 'vitest';
import { createHub } from '../../../src/console/server/overview/hub.js';
import { waitFor } from '../../support/wait.js';

test('whoever listens is told every value, also one that was read for somebody who only asked', async () => {
  let reads = 0;
  const hub = createHub({
    read: async () => {
      reads += 1;
      return reads;
    },
    pauseMs: 20,
    onError: () => undefined,
  });
  const told: number[] = [];
  const stop = hub.listen((value) => told.push(value));
  await waitFor('a value', () => told.length > 0);
  // Asks all the while: now and then it is the asking that has a value read.
  await waitFor('ten values', async () => (await hub.latest()) >= 10);
  stop();
  expect(told).toEqual(Array.from({ length: told.length }, (_, index) => index + 1));
  expect(told.length).toBeGreaterThanOrEqual(10);
});
