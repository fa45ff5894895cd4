import type { why as english } from '../en/why.js';
import type { SameKeys } from '../same.js';

export const why: SameKeys<typeof english> = {
  title: 'why',
};
