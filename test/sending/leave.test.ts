import { expect, test } from 'vitest';
import { createLeaves } from '../../src/sending/leave.js';

test.each([
  ['a process that stood still', { monotonicMs: 6_000, wallMs: 6_000 }],
  ['a machine that slept, where the monotonic clock stood', { monotonicMs: 0, wallMs: 6_000 }],
  ['a clock that was set back', { monotonicMs: 6_000, wallMs: -60_000 }],
])('leave to write a request is old after %s', (_, passed) => {
  const at = { monotonicMs: 1_000, wallMs: 1_000_000 };
  const leaves = createLeaves({
    lastsMs: 5_000,
    now: () => at.monotonicMs,
    clock: () => new Date(at.wallMs),
  });
  const leave = leaves.ask();
  expect(leaves.isFresh(leave)).toBe(true);
  at.monotonicMs += passed.monotonicMs;
  at.wallMs += passed.wallMs;
  expect(leaves.isFresh(leave)).toBe(false);
});
