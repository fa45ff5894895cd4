import type { message as english } from '../en/message.js';
import type { SameKeys } from '../same.js';

export const message: SameKeys<typeof english> = {
  title: 'message',
};
