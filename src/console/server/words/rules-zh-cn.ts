import { clockOf, firstOf, keysOf, weekdayOf } from './conditions.js';
import type { RulesWords } from './forms.js';

export const rules: RulesWords = {
  unmet: {
    accounts: ({ when, subject }) => `只用于 ${firstOf(when.accounts)}，这里是 ${subject.appId}`,
    isEvent: () => '这是事件，只有写了 event、click、scan 或 type: event 的规则才处理事件',
    events: ({ when }) => `等的是事件 ${firstOf(when.events)}`,
    clicks: ({ when }) => `等的是点击 ${keysOf(when.clicks)}`,
    scans: ({ when }) => `等的是扫码 ${keysOf(when.scans)}`,
    choices: ({ when }) => `等的是点菜单消息里的 ${firstOf(when.choices)}`,
    types: ({ when, subject }) => `只用于 ${firstOf(when.types)}，这里是 ${subject.type}`,
    time: ({ when, subject }) => {
      const zone = when.time?.timeZone ?? '';
      return `不在时间内：${zone} 现在是星期${'一二三四五六日'[weekdayOf(zone, subject)]} ${clockOf(zone, subject)}`;
    },
    keyword: ({ subject }) =>
      subject.text === undefined ? '找的是文字，这条消息没有' : '文本里没有它的关键词，表达式也不匹配',
    chance: ({ when }) => `按概率（${when.chance}）这次不回复`,
  },
  byDefault: '默认（default）',
  nothing: '什么也不说',
  handOver: (reason) => `请求人工：${reason}`,
  leftTo: (source) =>
    source.kind === 'http' ? `回复交给服务 ${source.url}` : `回复交给 ${source.file} 的模型`,
};
