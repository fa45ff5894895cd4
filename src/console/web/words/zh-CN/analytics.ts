import type { analytics as english } from '../en/analytics.js';
import type { SameKeys } from '../same.js';

export const analytics: SameKeys<typeof english> = {
  title: '统计分析',
};
