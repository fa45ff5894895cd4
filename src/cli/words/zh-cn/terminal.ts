import type { terminal as English } from '../en/terminal.js';
import { type Counted, durationIn } from '../measures.js';
import { ofCommander } from './of-commander.js';

const nouns: Readonly<Record<Counted, string>> = { messages: '消息', deliveries: '投递' };

const counts: (typeof English)['count'] = {
  messages: (number) => `${number.toLocaleString('en')} 条消息`,
  deliveries: (number) => `${number.toLocaleString('en')} 条投递`,
};

export const terminal: typeof English = {
  count: counts,
  duration: (ms) => durationIn({ ms: '毫秒', s: '秒', min: '分钟', h: '小时', d: '天' }, ms),
  tally: (counted, meaning, ids, hasMore) =>
    `${counted}：${meaning}（${ids.join('、')}${hasMore ? '……' : ''}）`,
  progress: {
    of: (done, total, kind) => `${done} / ${total} 条${nouns[kind]}`,
    left: (duration) => `还需 ${duration}`,
  },
  unchanged: '没有改动任何东西',
  sayYes: (question) => `${question}没有改动任何东西：确认要执行请加 --yes。`,
  noDatabase: (folder) =>
    `没有设置 DATABASE_URL，${folder} 里也从未启动过内嵌的 PostgreSQL：请在服务运行的目录里执行，或设置它`,
  inputEnded: '问题还没有问完，输入就结束了。没有改动任何东西。',
  password: {
    ask: '密码（不显示）：',
    again: '再输入一次：',
    differ: '两次输入不一致，没有任何改动。',
    sayStdin: '没有可以询问的终端：请用 --password-stdin，从标准输入给出密码',
  },
  mustBe: {
    time: '应写成 90s、15m、2h、7d（多久以前）、2026-11-23 或 "2026-11-23 09:30"。',
    id: '应是数字，`list` 会列出。',
    code: '应是错误码，例如 45009。',
    count: '应是 1 到 1000000 之间的数字。',
  },
  ofCommander,
};
