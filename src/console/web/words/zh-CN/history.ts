import type { history as english } from '../en/history.js';
import type { SameKeys } from '../same.js';

export const history: SameKeys<typeof english> = {
  title: 'history',
};
