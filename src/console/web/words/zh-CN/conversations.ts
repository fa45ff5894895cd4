import type { conversations as english } from '../en/conversations.js';
import type { SameKeys } from '../same.js';

export const conversations: SameKeys<typeof english> = {
  title: '会话',
  search: '按 OpenID 搜索',
  filter: '筛选会话',
  states: {
    all: '全部',
    waiting: '等待人工',
    taken: '人工接管',
    bot: '机器人应答',
    quiet: '近期无消息',
  },
  mine: '我的',
  onlyUnread: '未读',
  none: '这里没有会话。',
  noneMatches: '没有符合条件的会话。请去掉某个筛选条件，或换个词搜索。',
  more: '显示更多',
  unread: '{n} 条未读消息',
  from: { bot: '机器人：', agent: '客服：' },
  windowPast: '回复窗口已过',
  windowLeft: '剩余 {left}',
  heldBy: '{agent} 接管',
  heldByYou: '我接管的',
  choose: '请从列表中选择一个会话。',
  alerts: {
    title: '我接管的会话有新消息时提醒我',
    sound: '声音',
    notification: '通知',
    blocked: '浏览器已禁止本页面发送通知，可在浏览器设置中更改。',
    unsupported: '此处浏览器无法显示通知：需要安全地址（HTTPS）。',
    message: '新消息',
    from: '{account}：{openid} 发来消息',
  },
};
