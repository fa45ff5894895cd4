import type { accounts as english } from '../en/accounts.js';
import type { SameKeys } from '../same.js';

export const accounts: SameKeys<typeof english> = {
  title: '公众号',
};
