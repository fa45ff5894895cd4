import type { actions as english } from '../en/actions.js';
import type { SameKeys } from '../same.js';

export const actions: SameKeys<typeof english> = {
  title: '操作记录',
  explain: '谁做了什么、效果如何：包括控制台、命令行和 SQL 中的操作。',
  actor: '操作人',
  action: '操作',
  anyAction: '全部操作',
  account: '公众号',
  at: '时间',
  effect: '效果',
  affected: '影响 {n} 行',
  nothing: '没有变化',
  details: '详情',
  none: '还没有任何操作。',
  noneMatches: '没有符合条件的操作。',
  clear: '清除筛选',
};
