import type { demo as English } from '../en/demo.js';

export const demo: typeof English = {
  starting: (folder) => `正在启动 PostgreSQL（${folder}）……`,
  stopping: '正在停止……',
  own: (names) => `回复来自 ${names}`,
  ofEarlierState: (folder) =>
    `演示用的数据库是另一个版本的 wechat-outbox 建的，本版本不能使用。里面没有需要保留的数据：请删除 ${folder}，再重新运行演示。`,
  scenes: {
    subscribe: '小明关注公众号：欢迎图文分成三条发出，因为接口一次只收一篇',
    keyword: '小明发关键词 tw，再随便发一句',
    thrice: '小红的消息被推送三次，就像平台没有收到响应时那样：只入库一次，只回复一次',
    trouble: '接口出故障时小刚来了一条消息：先是系统繁忙，然后 HTTP 502；退避重试',
  },
  acknowledged: (ms) => `${ms} 毫秒后确认`,
  took: (ms, attempts) => `${ms} 毫秒${attempts === undefined ? '' : `，尝试 ${attempts} 次`}`,
  notSettled: (openid, ms) => `${ms} 毫秒后，给 ${openid} 的回复还没有了结`,
  complete: '每条消息都有回复，没有一条重复。',
  incomplete: '有回复缺失或重复：请看日志。',
  tour: {
    inBrowser: '在浏览器里',
    phone: '一部手机，以及让接口出错的控制台',
    console: '管理控制台，已登录',
    lookAround: '到处看看',
    elsewhere: '（在另一个终端里）',
    ready: '能不能工作',
    done: '做了些什么',
    webhook: (url) => `接收地址是 ${url}`,
    talk: '和它说话',
    howToTalk: '：输入一条消息，按回车。Ctrl-C 结束演示。',
  },
};
