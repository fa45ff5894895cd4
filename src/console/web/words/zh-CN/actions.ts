import type { actions as english } from '../en/actions.js';
import type { SameKeys } from '../same.js';

export const actions: SameKeys<typeof english> = {
  title: '操作记录',
};
