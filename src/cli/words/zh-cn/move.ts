import type { move as english } from '../en/move.js';

export const move: typeof english = {
  step: (number, what) => `${number}/6 ${what}`,
  preparing: (source, target) => `准备：从 ${source} 迁到 ${target}；目标库先存下该公众号的推送，暂不处理`,
  copying: '复制：源库照常工作',
  copied: (messages) => `  已复制 ${messages} 条消息`,
  holding: '暂停：从现在起不再回复，推送照常入库。等待正在发送的消息结束',
  inHand: (lanes) => `  还有 ${lanes} 个会话在 worker 手里`,
  switching: (appId) => `已全部复制。现在请切换路由：/wechat/${appId} 指向目标`,
  pressEnter: '路由切换好后按回车：',
  waiting: (appId) =>
    `${appId} 在两边都处于暂停状态，推送照常入库。路由切换好后，用同样的命令加 --switched 继续；要取消则加 --abort。`,
  switchFailed: (code) => `--switch 的命令以 ${code} 结束：请检查路由，然后加 --switched 再运行一次`,
  opening: '交接：源库不再接收推送，复制剩余部分，目标开始工作',
  works: (target) => `  ${target} 已开始为该公众号工作`,
  clearing: '清理：从源库删除目标已有的内容',
  cleared: (messages) => `  已清理 ${messages} 条消息`,
  moved: (appId, target) => `${appId} 已在 ${target}`,
  calledOffNow: (appId, source) =>
    `迁移已取消：${appId} 仍在 ${source}。路由必须把它的推送发到那里；目标会拒收`,
  rulesDiffer: (names) => `  规则不随公众号迁移，目标上的规则不同或缺失：${names}`,
  underWay: (appId) => `另一个命令正在迁移 ${appId}`,
  lockLost: (appId) => `防止别的命令同时迁移 ${appId} 的锁随连接断开而失效：请再运行一次，会从这里继续`,
  notAnyMore: (appId, phase) =>
    `${appId} 的迁移已不在 "${phase}" 阶段：另一个命令来过，或者某个库丢失了最后的提交。请用 --status 查看`,
  doNotFit: (appId, source, target) =>
    `${appId} 迁移的两边对不上：源库在 "${source}"，目标在 "${target}"，说明其中一个库丢失了最后的提交（故障切换或恢复）。没有改动任何内容：见 docs/zh-CN/operate.md 的 "move-account"`,
  copiesLost: '目标随最后的提交丢了复制好的内容（故障切换或恢复）：再运行一次，会全部重新复制',
  copiedAnew: '  目标随最后的提交丢了复制好的内容：全部重新复制',
  notAtTarget: (appId: string) =>
    `目标不知道 ${appId} 的迁移：--to 是另一个数据库，或它丢了记录（故障切换或恢复）。若是后者，用 --abort 取消，再重新开始`,
  openedAgain: '  目标丢失了“已开始工作”的记录：把剩余部分再复制一次',
  sameDatabase: '目标就是同一个数据库，或者另一个命令正在那里迁移该公众号',
  otherVersion:
    '源库和目标库不都是当前版本：请分别对两边运行 "wechat-outbox migrate"，并用同一版本运行本命令',
  blockFull: '源库新到的消息超过了目标预留的编号：请取消迁移（--abort）后重新开始',
  notSwitched: (appId) =>
    `源库仍在收到 ${appId} 的推送：路由还没有指向目标。没有丢失任何消息：切换路由后加 --switched 再运行，或用 --abort 取消`,
  renewing: '源库正在刷新 token，一直没有结束：请再运行一次',
  missing: (messages) => `目标缺少源库 ${messages} 条未回复的消息：没有交接，请再运行一次`,
  tooLate: (appId) => `目标已经在为 ${appId} 工作，不能再取消：请先完成迁移，再迁回来`,
  movedAway: (appId, peer) => `${appId} 已不在这里：它迁到了 ${peer}`,
  notHere: (appId, phase) => `${appId} 不在这个数据库工作（${phase}）：DATABASE_URL 必须是源库`,
  atTarget: (appId) => `${appId} 已经在目标库`,
  calledOff: (appId) => `${appId} 的迁移正在取消：请先用 --abort 完成取消`,
  otherMove: (appId, peer) =>
    `${appId} 正在另一次迁移中，对方是 ${peer}：--to 和 DATABASE_URL 必须是那一次的`,
  sayTo: '请用 --to 给出另一个数据库的 URL',
  notBoth: '--status、--abort、--switched、--switch 只能给一个',
  shortHistory: '历史必须是 "all" 或至少 7 天：回复要用到最近一周的消息',
  status: {
    none: '没有迁移',
    phase: (side, phase, since, peer) =>
      `${side}，${phase}，自 ${since} 起（${side === 'source' ? '迁往' : '来自'} ${peer}）`,
    lanes: (lanes, inHand) => `未回复的会话 ${lanes} 个，其中 ${inHand} 个在 worker 手里`,
    noted: (messages) => `${messages} 条消息待重新复制`,
  },
};
