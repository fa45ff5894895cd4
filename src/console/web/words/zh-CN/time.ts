import type { time as english } from '../en/time.js';
import type { SameKeys } from '../same.js';

export const time: SameKeys<typeof english> = {
  ms: '{a} 毫秒',
  s: '{a} 秒',
  minS: '{a} 分 {b} 秒',
  hMin: '{a} 小时 {b} 分',
  dH: '{a} 天 {b} 小时',
};
