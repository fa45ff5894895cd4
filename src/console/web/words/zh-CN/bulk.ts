import type { bulk as english } from '../en/bulk.js';
import type { SameKeys } from '../same.js';

export const bulk: SameKeys<typeof english> = {
  title: 'bulk',
};
