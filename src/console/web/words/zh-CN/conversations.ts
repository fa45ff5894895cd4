import type { conversations as english } from '../en/conversations.js';
import type { SameKeys } from '../same.js';

export const conversations: SameKeys<typeof english> = {
  title: '会话',
};
