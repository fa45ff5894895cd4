import type { now as english } from '../en/now.js';
import type { SameKeys } from '../same.js';

export const now: SameKeys<typeof english> = {
  title: 'now',
};
