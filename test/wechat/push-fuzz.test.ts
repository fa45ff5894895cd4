import { test } from 'vitest';
import { fuzzPushes } from '../support/push-fuzz.js';

test('whatever a user writes arrives as it was, under its own sender and MsgId', () => {
  fuzzPushes(3_000, Math.floor(Math.random() * 2 ** 31));
});
