import type { AccountView, ActionRow, Analytics } from '../../contract/overview.js';
import type { UserView } from '../../contract/session.js';
import { type Asked, type FakeRoutes, minutesAgo, nastyTexts, ok } from './routes.js';

const hourMs = 3_600_000;

function analytics({ query }: Asked) {
  const since = query.get('since') ?? minutesAgo(7 * 24 * 60);
  const until = query.get('until') ?? new Date().toISOString();
  if (query.has('format')) {
    return {
      status: 200,
      file: { type: 'text/csv; charset=utf-8', bytes: new TextEncoder().encode('at,messages\n') },
    };
  }
  const length = Date.parse(until) - Date.parse(since);
  const step = length > 72 * hourMs ? 24 * hourMs : hourMs;
  const series = Array.from({ length: Math.ceil(length / step) }, (_, at) => {
    const messages = Math.round((step / hourMs) * (60 + 40 * Math.sin(at / 3)));
    return {
      at: new Date(Date.parse(since) + at * step).toISOString(),
      users: Math.round(messages * 0.4),
      messages,
      sent: Math.round(messages * 1.1),
      failed: at % 5 === 3 ? Math.round(messages * 0.06) : 0,
      p50Ms: at === 4 ? null : 1_500 + 300 * Math.sin(at),
      p95Ms: at === 4 ? null : 9_000 + 3_000 * Math.cos(at),
    };
  });
  const messages = series.reduce((all, one) => all + one.messages, 0);
  return ok({
    since,
    until,
    totals: {
      users: Math.round(messages * 0.21),
      messages,
      answered: messages - 340,
      unanswered: 340,
      failed: 121,
    },
    latencyMs: { p50: 1_740, p95: 11_200, p99: 63_000 },
    series,
    menuKeys: Array.from({ length: 18 }, (_, at) => ({
      key: at === 2 ? '<b>KEY</b>' : `MENU_${at}`,
      taps: 900 - at * 48,
      users: 600 - at * 33,
    })),
    scenes: [
      { scene: 'spring-2026', scans: 410, follows: 288, users: 301 },
      { scene: nastyTexts[5], scans: 12, follows: 3, users: 9 },
    ],
    failures: [
      { code: 45015, state: 'expired', count: 87, meaning: '回复时间超过限制' },
      { code: 45047, state: 'failed', count: 31, meaning: 'Too many messages without the user writing' },
      {
        code: null,
        state: 'unknown',
        count: 3,
        meaning: 'The connection broke after the request was written',
      },
    ],
    unit: 'day',
    busiest: Array.from({ length: 168 }, (_, at) => ({
      weekday: Math.floor(at / 24) + 1,
      hour: at % 24,
      messages: at % 24 < 7 ? 0 : Math.round(80 + 70 * Math.sin(((at % 24) - 6) / 3) * (at < 120 ? 1 : 0.4)),
    })),
    events: [
      { event: 'subscribe', count: 611, users: 598 },
      { event: 'unsubscribe', count: 84, users: 84 },
      { event: 'CLICK', count: 4_204, users: 1_877 },
    ],
  } satisfies Analytics);
}

const kinds = ['requeue', 'cancel', 'pause', 'resume', 'take_over', 'hand_back', 'agent_send'];
const people = ['li.lei', 'han.meimei', 'postgres', 'ops <script>alert(1)</script>'];
const allActions: ActionRow[] = Array.from({ length: 130 }, (_, at) => ({
  id: String(130 - at),
  at: minutesAgo(at * 37),
  actor: people[at % people.length] ?? '',
  action: kinds[at % kinds.length] ?? '',
  account: at % 6 === 5 ? null : 'wx1234567890abcdef',
  details:
    at % 4 === 0
      ? { filter: { code: 45015, since: minutesAgo(600) }, force: false, note: nastyTexts[at % 9] }
      : {},
  affected: at % 5 === 4 ? 0 : at * 3,
}));

function actions({ query }: Asked) {
  const rows = allActions.filter(
    (row) =>
      (!query.get('actor') || row.actor === query.get('actor')) &&
      (!query.get('action') || row.action === query.get('action')) &&
      (!query.get('before') || Number(row.id) < Number(query.get('before'))),
  );
  const limit = Number(query.get('limit') ?? 50);
  return ok({ rows: rows.slice(0, limit), next: rows[limit] ? rows[limit - 1]?.id : null });
}

const accounts: AccountView[] = [
  {
    appId: 'wx1234567890abcdef',
    name: '小花园艺',
    settings: [
      { name: 'SEND_RATE', value: '40' },
      { name: 'REPLY_URL', value: 'http://replies.internal:8080/wechat' },
      { name: 'UNKNOWN_OUTCOME', value: 'resend' },
    ],
    token: { refreshedAt: minutesAgo(37), expiresAt: minutesAgo(-83) },
    pause: null,
    lastPushAt: minutesAgo(1),
    lastSentAt: minutesAgo(1),
    webhookPath: '/wechat/wx1234567890abcdef',
  },
  {
    appId: 'wxfedcba0987654321',
    name: 'A shop <script>alert(1)</script> with a very long name indeed',
    settings: [],
    token: null,
    pause: {
      account: 'wxfedcba0987654321',
      reason: 'daily_quota',
      code: 45009,
      error: 'reach max api daily quota limit rid: 65a1b2c3-4d5e6f70-1a2b3c4d <img src=x onerror=alert(1)>',
      remedy: 'Wait for midnight (Beijing), or clear the quota once on mp.weixin.qq.com.',
      since: minutesAgo(42),
      probeAt: minutesAgo(-18),
      waiting: 1_200,
    },
    lastPushAt: minutesAgo(2),
    lastSentAt: null,
    webhookPath: '/wechat/wxfedcba0987654321',
  },
];

const users: UserView[] = [
  {
    name: 'li.lei',
    displayName: '李雷 <b>Lei</b>',
    role: 'admin',
    hasPassword: true,
    disabled: false,
    createdAt: minutesAgo(90_000),
    lastSeenAt: minutesAgo(0),
    sessions: 2,
  },
  {
    name: 'han.meimei',
    displayName: '韩梅梅',
    role: 'agent',
    hasPassword: false,
    disabled: false,
    createdAt: minutesAgo(80_000),
    lastSeenAt: minutesAgo(12),
    sessions: 1,
  },
  {
    name: 'jim',
    displayName: 'Jim Green',
    role: 'analyst',
    hasPassword: true,
    disabled: true,
    createdAt: minutesAgo(70_000),
    lastSeenAt: null,
    sessions: 0,
  },
];

function addUser({ body }: Asked) {
  const asked = JSON.parse(body) as UserView & { password?: string };
  if (users.some((one) => one.name === asked.name)) {
    return { status: 409, body: { error: 'exists', message: `There is a user ${asked.name} already.` } };
  }
  const { name, displayName, role, password } = asked;
  users.push({
    name,
    displayName,
    role,
    hasPassword: password !== undefined,
    disabled: false,
    createdAt: minutesAgo(0),
    lastSeenAt: null,
    sessions: 0,
  });
  return ok();
}

function changeUser({ values: [name], body }: Asked) {
  const { password, ...some } = JSON.parse(body) as Partial<UserView> & { password?: string };
  const user = users.find((one) => one.name === name);
  if (user) Object.assign(user, some, password === undefined ? {} : { hasPassword: true });
  return ok();
}

/** Analytics, actions, accounts, users. */
export const figureRoutes = {
  'GET analytics': analytics,
  'GET actions': actions,
  'GET accounts': () => ok(accounts),
  'POST accounts/:appId/check': () =>
    ok({
      findings: [
        { level: 'ok', title: 'access_token', detail: 'WeChat gave one.', remedy: null },
        {
          level: 'warning',
          title: 'Callback',
          detail: 'The last push came 2 days ago.',
          remedy: 'Send the account a message.',
        },
        {
          level: 'problem',
          title: 'IP allowlist',
          detail: '40164 invalid ip 203.0.113.9 <img src=x>',
          remedy: 'Add 203.0.113.9 at mp.weixin.qq.com.',
        },
      ],
    }),
  'GET users': () => ok(users),
  'POST users': addUser,
  'PATCH users/:name': changeUser,
  'DELETE users/:name': ({ values: [name] }: Asked) => {
    users.splice(
      users.findIndex((one) => one.name === name),
      1,
    );
    return ok();
  },
  'DELETE users/:name/sessions': ({ values: [name] }: Asked) => {
    const user = users.find((one) => one.name === name);
    if (user) user.sessions = 0;
    return ok();
  },
} satisfies FakeRoutes;
