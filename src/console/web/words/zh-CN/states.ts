import type { states as english } from '../en/states.js';
import type { SameKeys } from '../same.js';

export const states: SameKeys<typeof english> = {
  message: {
    received: '已收到',
    answering: '正在回复',
    with_agent: '转人工',
    settled: '已完成',
    failed: '失败',
  },
  delivery: {
    pending: '待发送',
    sending: '发送中',
    sent: '已发送',
    failed: '发送失败',
    expired: '已过期',
    unknown: '结果未知',
    cancelled: '已取消',
  },
  outcome: {
    running: '进行中',
    sent: '已发送',
    token: '凭证被拒',
    transient: '将重试',
    throttled: '被限流',
    permanent: '被永久拒绝',
    unknown: '结果未知',
  },
  conversation: {
    waiting: '等待人工',
    taken: '人工接管中',
    bot: '机器人接待',
    quiet: '安静',
  },
  pause: {
    minute_quota: '本分钟调用额度已用完',
    daily_quota: '当日调用额度已用完',
    account: '微信拒绝该公众号的请求',
    operator: '已被人工暂停',
  },
  role: {
    viewer: '只读',
    agent: '客服',
    analyst: '分析员',
    operator: '运维',
    admin: '管理员',
  },
  origin: { reply: '回复逻辑', operator: '运维', agent: '客服' },
};
