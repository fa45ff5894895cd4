import type { users as english } from '../en/users.js';
import type { SameKeys } from '../same.js';

export const users: SameKeys<typeof english> = {
  title: '用户管理',
};
