import type { why as english } from '../en/why.js';
import type { SameKeys } from '../same.js';

export const why: SameKeys<typeof english> = {
  intro: '输入用户的 openid，下面会用文字说明为什么没有回复（或者其实已经回复）。',
  openid: 'openid',
  account: '公众号',
  ask: '查询',
  deciding: '主要原因',
  also: '另外发现',
  remedy: '处理办法',
  openMessage: '消息 {id}',
  openDelivery: '发送记录 {id}',
  allMessages: '该用户的全部消息',
  conversation: '会话',
  nothing: '没有找到任何线索',
};
