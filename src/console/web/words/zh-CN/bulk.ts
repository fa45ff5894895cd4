import type { bulk as english } from '../en/bulk.js';
import type { SameKeys } from '../same.js';

export const bulk: SameKeys<typeof english> = {
  requeue: '重新入队',
  cancel: '取消发送',
  requeue_messages: '重新入队',
  cancel_messages: '取消',
  titleRequeue: '重新入队：再次发送未送达的内容',
  titleCancel: '取消：等待中的内容不再发送',
  counting: '正在统计并判断每一条的结果…',
  matched: '符合条件：{n} 条',
  tooMany: '超过 {limit} 条：一次最多处理这么多。请缩小筛选范围，或稍后再做一次。',
  nothing: '没有符合条件的内容，无需操作。',
  verdict: '判断',
  count: '数量',
  meaning: '含义',
  force: '回复时限已过的也发送（微信很可能拒绝）',
  confirm: '确认处理 {n} 条',
  running: '处理中：{done} / {total}',
  done: '已完成',
  failed: '中途停止',
  result: '结果',
};
