import type { en } from './en.js';
import { rules } from './rules-zh-cn.js';

const bulk: (typeof en)['bulk'] = {
  requeued: '已重新入队',
  cancelled: '已取消',
  ready: '可以执行',
  sent: '已经发送',
  waiting: '已在发送途中',
  final: '已经结束',
  in_hand: 'worker 正在处理，稍后再试',
  window_closed: '回复窗口已过，微信会拒绝',
  forgotten: '用户已被遗忘',
  not_found: '不存在',
  not_failed: '回复逻辑没有失败',
};

const why: (typeof en)['why'] = {
  never_pushed: () => ({
    headline: '微信从没有把该用户的消息推送过来',
    detail: '这个公众号下没有保存过这个 openid 的任何内容。',
    remedy:
      '核对 openid 和公众号（同一用户在不同公众号的 openid 不同），并在公众平台后台确认服务器配置已启用且指向本服务。',
  }),
  refused: ({ count }) => ({
    headline: '这个公众号有推送被拒绝',
    detail: `本进程启动以来 ${count} 次：签名、时间或内容不对，所以没有保存。`,
    remedy: '与公众平台后台核对 Token 和 EncodingAESKey；每次被拒绝的原因见日志。',
  }),
  account_unknown: ({ account }) => ({
    headline: `本服务没有配置公众号 ${account}`,
    detail: '不接收它的推送，也不为它发送。',
    remedy: '加到配置里，然后重启。',
  }),
  no_worker: () => ({
    headline: '没有存活的 worker',
    detail: '消息已保存并等待，但没有谁来回复。',
    remedy: '启动一个 worker，并查看它的日志，弄清为什么退出。',
  }),
  account_paused: ({ error, code }) => ({
    headline: '公众号暂停发送',
    detail: `不为它发送任何内容：${[code, error].filter(Boolean).join(' ') || '人工暂停'}。`,
    remedy: '处理好所说的问题，然后恢复发送。等待的消息不会丢。',
  }),
  taken_over: ({ agent }) => ({
    headline: agent ? `会话由 ${agent} 接手` : '会话在等待人工',
    detail: '在此期间回复逻辑不说话。',
    remedy: agent ? '在会话里回复，或者交还。' : '接手会话，或者交还。',
  }),
  waiting_for_turn: ({ earlier }) =>
    earlier > 0
      ? {
          headline: '在等待该用户更早的消息',
          detail: `该会话前面还有 ${earlier} 条：回复的顺序与提问的顺序一致。`,
          remedy: '看看其中第一条卡在哪里。',
        }
      : {
          headline: '已经到时间，在等空闲的 worker',
          detail: '所有 worker 都在处理别的会话。',
          remedy: '如果一直如此，再启动一个 worker，或调大 REPLY_CONCURRENCY。',
        },
  put_off: () => ({
    headline: '稍后再处理',
    detail:
      '或者用户可能还在输入，紧接着发来的消息会与它一起回复（MERGE_WITHIN）；或者回复逻辑说了何时再问。',
    remedy: null,
  }),
  awaiting_back_end: ({ source }) => ({
    headline: '后端稍后才回复',
    detail: `${source ?? '后端'}返回了 202，最迟到所示时间回调。用户后来发的消息都在等它。`,
    remedy: '如果一直如此，请联系后端的负责人；回复窗口或 REPLIES_CALLBACK_WAIT 到期时就不再等。',
  }),
  being_answered: ({ worker }) => ({
    headline: '正在回复',
    detail: worker ? `worker ${worker} 正在处理这个会话。` : '有 worker 正在处理这个会话。',
    remedy: null,
  }),
  reply_retrying: ({ error }) => ({
    headline: '回复逻辑失败，将再次运行',
    detail: error ?? '没有给出原因。',
    remedy: '修好回复逻辑，或等待下一次重试。',
  }),
  reply_failed: ({ error }) => ({
    headline: '回复逻辑彻底失败',
    detail: error ?? '没有给出原因。',
    remedy: '修好回复逻辑，然后让它对这条消息重新运行。',
  }),
  nothing_to_say: () => ({
    headline: '回复逻辑没有内容可说',
    detail: '它运行了，但对这条消息没有返回任何内容。',
    remedy: '如果本该有回复，请检查它的规则。',
  }),
  cut: ({ error }) => ({
    headline: '回复被截断',
    detail: error ?? '消息条数超过了回复窗口的限额。',
    remedy: '让回复逻辑用更少的消息回复。',
  }),
  limited: ({ error }) => ({
    headline: '用户发得太多，超过了限量',
    detail: error ?? 'USER_LIMIT 已经没有这条消息的余量。',
    remedy: '时间一过，后面的消息照常回复；如果限得太紧，调高 USER_LIMIT。',
  }),
  stopped: ({ error }) => ({
    headline: '检查拦下了回复',
    detail: error ?? 'beforeSend 或词表没有放行。',
    remedy: '如果本该发出，请修改检查（beforeSend、WORDS_FILE），再让回复逻辑重新运行。',
  }),
  delivery_waiting: () => ({
    headline: '回复已计划，还没有发送',
    detail: '正在途中。',
    remedy: null,
  }),
  delivery_retrying: ({ error, code, attempts }) => ({
    headline: '微信联系不上，或要求等待：会重试',
    detail: `已尝试 ${attempts} 次：${[code, error].filter(Boolean).join(' ') || '没有响应'}。`,
    remedy: null,
  }),
  delivery_failed: ({ error, code, meaning, remedy }) => ({
    headline: meaning ? `微信拒绝了回复：${meaning}` : '回复没有发送出去',
    detail: [code, error].filter(Boolean).join(' ') || '没有给出原因。',
    remedy: remedy ?? '处理好所说的问题，然后重新入队。',
  }),
  window_over: ({ error, code }) => ({
    headline: '回复窗口在发送之前就结束了',
    detail: [code, error].filter(Boolean).join(' ') || '没有及时发送。',
    remedy: '只有用户再发消息才会打开新的窗口；之后再重新入队。',
  }),
  delivery_unknown: ({ error }) => ({
    headline: '不知道回复是否送达',
    detail: error ?? '请求已发出，但没有收到响应。',
    remedy: '与用户核对；确认没有收到，再重新入队。',
  }),
  cancelled: () => ({
    headline: '被操作人员取消',
    detail: '由谁、何时取消，见操作记录。',
    remedy: '如果还是要发送，请重新入队。',
  }),
  forgotten: () => ({
    headline: '该用户已被遗忘',
    detail: '说过的内容已经删除，也无从知道是谁。',
    remedy: null,
  }),
  answered: () => ({
    headline: '已经回复',
    detail: '微信接受了这条回复。',
    remedy: '如果用户看不到，请在与公众号的对话里查看，而不是在通知里。',
  }),
};

export const zhCN: typeof en = {
  bulk,
  why,
  rules,
  unknownCode: { meaning: '这个版本不认识的错误码', remedy: '请查微信的返回码页面。' },
};
