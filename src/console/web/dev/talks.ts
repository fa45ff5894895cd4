import type {
  Conversation,
  ConversationState,
  SentTurn,
  Turn,
  UserTurn,
} from '../../contract/conversations.js';
import { minutesAgo, nastyTexts } from './routes.js';

export const person = 'li.lei';

export interface Talk extends Omit<Conversation, 'turns' | 'earlier'> {
  turns: Turn[];
  unread: number;
}

let ids = 100;

function user(minutes: number, some: Partial<UserTurn>): UserTurn {
  ids += 1;
  return {
    key: `m${ids}`,
    at: minutesAgo(minutes),
    from: 'user',
    messageId: String(ids),
    type: 'text',
    text: null,
    media: null,
    location: null,
    link: null,
    state: 'settled',
    ...some,
  };
}

function sent(minutes: number, from: SentTurn['from'], some: Partial<SentTurn>): SentTurn {
  ids += 1;
  return {
    key: `d${ids}`,
    at: minutesAgo(minutes),
    from,
    deliveryId: String(ids),
    agent: from === 'agent' ? person : null,
    type: 'text',
    text: null,
    media: null,
    state: 'sent',
    error: null,
    ...some,
  };
}

function event(minutes: number, name: string, text: string | null): Turn {
  ids += 1;
  return {
    key: `m${ids}`,
    at: minutesAgo(minutes),
    from: 'event',
    messageId: String(ids),
    event: name,
    text,
  };
}

const everything = (): Turn[] => [
  event(3_010, 'subscribe', 'qrscene_spring-2026'),
  sent(3_009, 'bot', { text: '欢迎关注小花园艺！回复“菜单”查看服务。' }),
  ...nastyTexts.filter((text) => text !== '').map((text, at) => user(300 - at * 10, { text })),
  event(64, 'CLICK', 'ORDER_STATUS'),
  sent(63, 'bot', { text: '您的订单已发货，预计明天送达。' }),
  user(60, { type: 'image', media: { kind: 'image', path: 'media/leaf' } }),
  user(59, {
    type: 'voice',
    text: '叶子发黄了怎么办',
    media: { kind: 'voice', path: 'media/gone' },
  }),
  user(58, { type: 'video', media: { kind: 'video', path: 'media/gone' } }),
  user(57, {
    type: 'location',
    location: { latitude: 31.2304, longitude: 121.4737, label: '上海市黄浦区人民大道 200 号' },
  }),
  user(56, { type: 'link', link: { title: '<b>绿萝养护</b>', url: 'https://example.com/plants?id=1' } }),
  user(55, { type: 'link', link: { title: 'a bad one', url: 'javascript:alert(1)' } }),
  sent(54, 'bot', {
    text: '抱歉，我没有听懂。',
    state: 'failed',
    error: '45015 response out of time limit or subscription is canceled rid: 65a1b2c3',
  }),
  user(20, { text: '转人工', state: 'with_agent' }),
  sent(18, 'agent', { text: '您好，我是李雷。请问叶子发黄有多久了？', agent: person }),
  sent(17, 'agent', { text: '我来看看照片。', agent: 'han.meimei', state: 'unknown' }),
  user(3, { text: '大概一个星期', state: 'with_agent' }),
];

function talk(openid: string, state: ConversationState, some: Partial<Talk>): Talk {
  return {
    account: 'wx1234567890abcdef',
    openid,
    state,
    handover: null,
    window: { endsAt: minutesAgo(-2_700), quota: 5, used: 1 },
    unread: 0,
    turns: [],
    ...some,
  };
}

const hold = (agent: string | null, reason: string | null, minutes: number, returns: number | null) => ({
  agent,
  reason,
  since: minutesAgo(minutes),
  returnsAt: returns === null ? null : minutesAgo(-returns),
  external: false,
});

export const talks: Talk[] = [
  talk('oLj5x1-Zc0rVtTqkW8yB2nPz7aQe', 'taken', {
    handover: hold(person, null, 18, 12),
    window: { endsAt: minutesAgo(-2_877), quota: 5, used: 2 },
    unread: 1,
    turns: everything(),
  }),
  talk('oLj5x1-waiting-for-a-person', 'waiting', {
    handover: hold(null, '用户要求人工 <b>now</b>', 6, null),
    window: { endsAt: minutesAgo(-42), quota: 5, used: 4 },
    unread: 3,
    turns: [
      user(9, { text: '我要退货！！' }),
      sent(8, 'bot', { text: '请稍候，正在为您转接人工。' }),
      user(6, { text: nastyTexts[1], state: 'with_agent' }),
    ],
  }),
  talk('oLj5x1-held-by-a-colleague', 'taken', {
    handover: hold('han.meimei', null, 40, null),
    turns: [
      user(41, { text: '发票怎么开？' }),
      sent(38, 'agent', { text: '请把抬头发给我。', agent: 'han.meimei' }),
    ],
  }),
  talk('oLj5x1-window-is-over', 'taken', {
    handover: hold(person, null, 3_000, null),
    window: { endsAt: minutesAgo(20), quota: 5, used: 3 },
    turns: [user(2_900, { text: '在吗' })],
  }),
  talk('oLj5x1-allowance-is-used', 'taken', {
    account: 'wxfedcba0987654321',
    handover: hold(person, null, 30, null),
    window: { endsAt: minutesAgo(-1_000), quota: 5, used: 5 },
    turns: [
      user(35, { text: nastyTexts[2] }),
      ...[1, 2, 3, 4, 5].map((n) => sent(30 - n, 'agent', { text: `答复 ${n}` })),
    ],
  }),
  talk('oLj5x1-with-tencents-service', 'taken', {
    handover: { ...hold(null, null, 15, null), external: true },
    turns: [user(16, { text: '你好' }), event(15, 'kf_create_session', 'kf2001@shop')],
  }),
  ...Array.from({ length: 120 }, (_, at) =>
    talk(`oLj5x1-${String(at).padStart(4, '0')}-bot-or-quiet`, at < 30 ? 'bot' : 'quiet', {
      window: at < 30 ? { endsAt: minutesAgo(-2_000), quota: 5, used: 1 } : null,
      turns: [
        user(50 + at * 40, { text: nastyTexts[at % 9] ?? '' }),
        sent(49 + at * 40, 'bot', { text: '已收到，谢谢。' }),
      ],
    }),
  ),
  talk('oLj5x1-a-long-history', 'bot', {
    turns: Array.from({ length: 130 }, (_, at) =>
      at % 2 ? sent(400 - at * 2, 'bot', { text: `回复 ${at}` }) : user(400 - at * 2, { text: `消息 ${at}` }),
    ),
  }),
];
