import type { commands as English } from '../en/commands.js';
import type { Counted } from '../measures.js';
import { move } from './move.js';
import { rules } from './rules.js';
import { terminal } from './terminal.js';
import { wechat } from './wechat.js';

const nouns: Readonly<Record<Counted, string>> = { messages: '消息', deliveries: '投递' };

const inHand = 'worker 正在处理，稍后再试';

export const commands: typeof English = {
  migrate: {
    applied: (names) => `已执行：${names.join('、')}`,
    upToDate: '数据库已是最新版本',
    newer: (names) => `更新的版本执行过 ${names.join('、')}：这个版本没有要执行的`,
  },
  list: {
    columns: {
      delivery: '投递',
      message: '消息',
      planned: '计划于',
      received: '收到于',
      openid: 'openid',
      state: '状态',
      errcode: '错误码',
      tries: '尝试',
      took: '用时',
      text: '内容',
      errmsg: 'errmsg',
      error: '错误',
    },
    noCode: '消息没有错误码：--code 用于列投递',
    noSuchState: (kind, state, states) => `${nouns[kind]}没有状态“${state}”，可选：${states.join('、')}`,
    none: (kind, since) => `${since} 以来没有这样的${nouns[kind]}`,
    found: (counted, since) => `${since} 以来 ${counted}`,
    more: (limit) => `；还有更多：--limit ${limit}`,
  },
  show: {
    notFound: (kind, id) => `没有${nouns[kind]} ${id}`,
  },
  conversation: {
    columns: {
      time: '时间',
      account: '公众号',
      message: '消息',
      delivery: '投递',
      text: '内容',
      state: '状态',
    },
    nobody: (openid, account) => `没有人用这个 openid 给${account ?? '公众号'}发过消息：${openid}`,
    whichAccount: (openid, accounts) => `请用 --account 指明：${openid} 给 ${accounts.join('、')} 都发过消息`,
  },
  requeue: {
    meanings: {
      requeued: '已重新入队',
      ready: '可以重新入队',
      sent: '已经发出',
      waiting: '正在发送',
      in_hand: inHand,
      window_closed: '回复窗口已过，微信会拒绝（仍要发送请加 --force）',
      forgotten: '用户已被遗忘：没有内容可发，也没有人可发',
      not_found: '不存在',
      not_failed: '回复逻辑没有失败',
    },
    sayWhich: '请指明哪些：`list` 列出的 id，或筛选条件，例如 --state failed',
    notBoth: 'id 和筛选条件二选一',
    onlyFailed: '用了 --messages，状态只能是 failed，也不能用 --code',
    none: (kind) => `没有符合条件的${nouns[kind]}`,
    question: (counted) => `重新入队 ${counted}？`,
    doubt: (doubtful) => `其中 ${doubtful} 条用户可能已经收到（unknown）。`,
  },
  cancel: {
    meanings: {
      cancelled: '已取消',
      final: '已经结束',
      in_hand: inHand,
      not_found: '不存在',
    },
    question: (counted, ids) => `取消 ${counted}（${ids.join('、')}）？取消之后不会发送。`,
  },
  hold: {
    meanings: {
      held: '已扣住',
      final: '已经结束',
      in_hand: inHand,
      not_found: '不存在',
    },
    question: (counted) => `扣住 ${counted}？扣住之后不会发送，直到重新排队。`,
    none: '没有需要扣住的',
    sayWhich: '请给出消息的编号，或者 --after-restore。',
    notBoth: '用编号指定消息，或者用选项，二者不能同时用。',
  },
  pause: {
    rests: (appId, since, cause, end) => `${appId} 从 ${since} 起暂停发送（${cause}），${end}`,
    probedAt: (time) => `${time} 再试`,
    untilResumed: (appId) => `直到执行 wechat-outbox resume ${appId}`,
  },
  move,
  resume: {
    resumed: (appId) => `${appId} 已恢复发送`,
    wasNotPaused: (appId) => `${appId} 没有暂停`,
  },
  token: {
    notInSettings: (appId) => `配置里没有公众号 ${appId}：获取 access_token 需要它的 AppSecret`,
    renewed: (appId, goodFor) => `${appId} 换了新的 access_token，有效期 ${goodFor}`,
    kept: (appId, goodFor) => `${appId} 的 access_token 没有变：微信给的还是原来那个，有效期 ${goodFor}`,
  },
  ...wechat,
  send: {
    problems: {
      no_message: '这个用户没有给公众号发过消息：微信不允许主动发起会话',
      window_closed: '回复窗口已过，微信会拒绝；仍要发送请加 --force',
      busy: '该用户最近一条消息还在回复，稍后再试',
    },
    queued: (ids) => `已入队，投递 ${ids.join('、')}；查看：wechat-outbox show --delivery ${ids[0]}`,
  },
  forget: {
    question: (openid, messages, account) =>
      `遗忘 ${openid}（给 ${account} 发过 ${terminal.count.messages(messages)}）？说过的一切无法恢复，等待中的不会发送。`,
    forgotten: (messages, deliveries) =>
      `已遗忘：${terminal.count.messages(messages)}，${terminal.count.deliveries(deliveries)}`,
    givenUp: (messages) => `已放弃：等待中的 ${terminal.count.messages(messages)}`,
    inHand: (messages) =>
      `还没有遗忘任何东西：worker 正在处理该用户的 ${terminal.count.messages(messages)}，稍后再执行一次`,
  },
  rules,
  user: {
    columns: {
      name: '用户名',
      displayName: '显示为',
      role: '角色',
      password: '密码',
      state: '状态',
      sessions: '会话',
      seen: '最近活动',
      via: '方式',
      address: '来自',
      since: '登录于',
      enabled: '启用',
      disabled: '禁用',
    },
    yes: '有',
    no: '无',
    none: '还没有用户；添加：wechat-outbox user add 用户名 --role admin',
    badName: (name) => `“${name}”不能作为用户名：1 到 100 个可见字符，首尾不能有空格`,
    badPassword: '密码长度为 10 到 500 个字符',
    notBoth: '--password-stdin 和 --no-password 二选一',
    exists: (name) => `用户 ${name} 已存在`,
    nobody: (name) => `没有用户 ${name}`,
    lastAdmin: '这是最后一个管理员：请先添加另一个',
    added: (name, role) => `已添加 ${name}，角色 ${role}`,
    done: (name) => `完成：${name}`,
    ended: (name, sessions) => `${name}：已结束 ${sessions} 个会话`,
    question: (name) => `删除用户 ${name}？`,
  },
  console: {
    link: (minutes) => `以管理员身份登录，只能用一次，${minutes} 分钟内有效：`,
    off: '配置关闭了控制台（CONSOLE_PATH=off）',
  },
  simulate: {
    notInSettings: (appId) => `配置里没有公众号 ${appId}`,
    acknowledged: (ms, openid) => `${ms} 毫秒后确认；看后续：wechat-outbox conversation ${openid}`,
    notAcknowledged: (url, last) => `${url} 没有确认：${last}`,
    textOrPhone: '--text 和 --phone 要用其中一个',
    withPhone: '--port 和 --menu 要与 --phone 同用',
    badMenu: (file, why) => `${file} 不是菜单：${why}`,
    phone: ({ page, api, webhook }) =>
      `手机在 ${page}
推送发到 ${webhook}
服务启动时设置 WECHAT_API_BASE=${api}，回复才会到手机上
按 Ctrl-C 结束。`,
  },
  export: {
    excelIsCsv: '--excel 只用于 --format csv',
    overwriteIsOutput: '--overwrite 要与 --output 同用',
    untilIsLater: '--until 必须晚于 --since',
    done: (messages, deliveries, { since, until }) =>
      `${since} 到 ${until} 收到的 ${terminal.count.messages(messages)}和 ${terminal.count.deliveries(deliveries)}`,
    where: (output, took) => `已写入${output ? ` ${output}` : '标准输出'}（${took}）。`,
    interrupted: (output) => `已中断：${output} 保持原样`,
    noFile: (output) => `${output} 不是文件。`,
    isThere: (output) => `${output} 已存在。请换一个文件名，或用 --overwrite 覆盖。`,
    cannotWrite: (output, cause) => `无法写入 ${output}：${cause}`,
  },
  status: {
    title: (time) => `wechat-outbox，${time}`,
    workers: (alive) => (alive === 0 ? '没有存活的 WORKER' : `${alive} 个 worker 存活`),
    waiting: (messages, oldest) =>
      `${terminal.count.messages(messages)}等待中${oldest ? `，最久的等了 ${oldest}` : ''}`,
    notSent: (deliveries) => `24 小时内 ${terminal.count.deliveries(deliveries)}未发出`,
    failedMessages: (messages) => `${terminal.count.messages(messages)}的回复逻辑失败`,
    resting: (accounts) => `${accounts} 个公众号【暂停发送】`,
    rests: '暂停发送的公众号',
    none: (title, none) => `${title}：${none}`,
    oldest: ({ id, openid, age, error }) =>
      `等得最久：${openid} 的消息 ${id}，${age}${error ? `：${error}` : ''}；wechat-outbox show ${id}`,
    backlog: {
      title: '还没有回复',
      columns: ['公众号', '状态', '消息', '最久'],
      none: '没有等待的',
    },
    rates: {
      title: '每分钟，按最近',
      columns: ['', '1 分钟', '5 分钟', '60 分钟'],
      none: '没有',
      received: '收到',
      sent: '发出',
      failed: '未发出',
    },
    failures: {
      title: '未发出，最近 24 小时',
      columns: ['公众号', '状态', '错误码', '投递', '最近一次', 'errmsg'],
      none: '没有',
    },
    credentials: {
      title: '凭证',
      columns: ['公众号', '种类', '更新于', '剩余有效期'],
      over: '已过期',
      none: '还没有获取',
    },
    processes: {
      title: 'Worker',
      columns: ['id', '主机', 'pid', '状态', '启动于', '手上的消息'],
      alive: '存活',
      missing: '失联',
      none: '没有存活的，消息得不到回复；用 wechat-outbox start 启动一个',
    },
  },
};
