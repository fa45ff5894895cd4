import type {
  Attempt,
  BulkProgress,
  DeliveryDetail,
  DeliveryState,
  MessageDetail,
  MessageState,
  WhyFinding,
} from '../../contract/history.js';
import { type FakeRoutes, minutesAgo, nastyTexts, ok } from './routes.js';

const messageStates: MessageState[] = ['settled', 'received', 'answering', 'failed', 'with_agent', 'settled'];
const deliveryStates: DeliveryState[] = [
  'sent',
  'failed',
  'pending',
  'expired',
  'unknown',
  'sending',
  'cancelled',
];
const accounts = ['wx1234567890abcdef', 'wxfedcba0987654321'];
const newest = 10_240_118;

const nth = <T>(list: readonly T[], at: number) => list[at % list.length] as T;

function attemptsOf(state: DeliveryState, minutes: number): Attempt[] {
  const one = (
    attempt: number,
    outcome: Attempt['outcome'],
    code: number | null,
    error: string | null,
  ): Attempt => ({
    attempt,
    startedAt: minutesAgo(minutes - attempt),
    finishedAt: outcome === 'running' ? null : minutesAgo(minutes - attempt - 0.02),
    outcome,
    httpStatus: outcome === 'running' ? null : 200,
    code,
    error,
    rid: code === null ? null : '65a1b2c3-4d5e6f70-1a2b3c4d',
  });
  const busy = one(
    1,
    'transient',
    -1,
    'system error, hints: [ req_id: <b>x</b> ] rid: 65a1b2c3-4d5e6f70-1a2b3c4d',
  );
  if (state === 'pending' || state === 'cancelled') return [busy];
  if (state === 'sending') return [busy, one(2, 'running', null, null)];
  if (state === 'sent') return [busy, one(2, 'sent', 0, null)];
  return [
    busy,
    one(2, 'throttled', 45009, 'reach max api daily quota limit'),
    one(3, 'permanent', 45015, 'response out of time limit or subscription is canceled'),
  ];
}

function deliveryOf(id: number): DeliveryDetail {
  const state = nth(deliveryStates, id);
  const bad = state === 'failed' || state === 'expired';
  const minutes = (newest - id) * 3 + 10;
  return {
    id: String(id),
    messageId: String(id),
    account: nth(accounts, id),
    openid: `oABCdef${id}_-xyz0123456789`,
    type: id % 4 === 0 ? 'image' : 'text',
    text: id % 4 === 0 ? null : nth(nastyTexts, id),
    origin: nth(['reply', 'agent', 'operator'] as const, id),
    state,
    attempts: attemptsOf(state, minutes).length,
    code: bad ? 45015 : state === 'pending' ? -1 : null,
    error: bad
      ? 'response out of time limit or subscription is canceled rid: 65a1b2c3-4d5e6f70-1a2b3c4d'
      : null,
    createdAt: minutesAgo(minutes),
    sentAt: state === 'sent' ? minutesAgo(minutes - 2) : null,
    nextAttemptAt: state === 'pending' ? minutesAgo(-1.5) : null,
    position: 0,
    payload: { msgtype: 'text', text: { content: nth(nastyTexts, id) } },
    ignoresWindow: id % 5 === 0,
    timeline: attemptsOf(state, minutes),
    explained: bad
      ? {
          code: 45015,
          meaning: 'The user has not written for 48 hours: the reply window is over.',
          remedy: 'Only the user can open another, by writing or by tapping the menu.',
        }
      : null,
    verdict: bad ? 'window_closed' : null,
  };
}

function messageOf(id: number): MessageDetail {
  const state = nth(messageStates, id);
  const minutes = (newest - id) * 3 + 11;
  const event = id % 6 === 0;
  return {
    id: String(id),
    account: nth(accounts, id),
    openid: `oABCdef${id}_-xyz0123456789`,
    type: event ? 'event' : 'text',
    event: event ? 'CLICK' : null,
    eventKey: event ? 'MENU_<b>hours</b>' : null,
    content: event ? null : nth(nastyTexts, id),
    state,
    error: state === 'failed' ? 'TypeError: cannot read properties of undefined (reading <script>)' : null,
    receivedAt: minutesAgo(minutes),
    settledAt: state === 'settled' || state === 'failed' ? minutesAgo(minutes - 0.1) : null,
    requestId: 'req-01HZX5Y8K3',
    dedupeKey: `msg:${id}77123`,
    createdAt: minutesAgo(minutes + 0.02),
    payload: { MsgType: 'text', Content: nth(nastyTexts, id), MsgId: `${id}77123` },
    window: { endsAt: minutesAgo(minutes - 2_880), quota: id % 3 === 0 ? null : 5, used: id % 6 },
    dueAt: state === 'received' ? minutesAgo(-2) : null,
    worker: state === 'answering' ? { id: 11, hostname: 'node-a.internal', pid: 4121 } : null,
    behind: state === 'received' ? { messages: 2, firstId: String(id - 2) } : { messages: 0, firstId: null },
    deliveries:
      state === 'received' ? [] : [deliveryOf(id), { ...deliveryOf(id + 1), messageId: String(id) }],
    mergedInto: null,
    mergedCount: id % 5 === 0 ? 2 : 0,
    logQuery: `message_id=${id} or request_id="req-01HZX5Y8K3"`,
  };
}

function page<Row extends { state: string; account: string; openid: string }>(
  make: (id: number) => Row,
  query: URLSearchParams,
) {
  const before = Number(query.get('before') ?? newest + 1);
  const ids = Array.from({ length: 50 }, (_, at) => before - 1 - at);
  const rows = ids.map(make).filter((row) =>
    ['state', 'account', 'openid'].every((key) => {
      const wanted = query.get(key);
      return wanted === null || row[key as 'state'] === wanted;
    }),
  );
  const end = before < newest - 150 || query.get('text') !== null;
  return ok({ rows: query.get('text') === 'nothing' ? [] : rows, next: end ? null : String(before - 50) });
}

const findings: WhyFinding[] = [
  {
    cause: 'window_over',
    headline: 'The answer is ready, but the reply window is over',
    detail: 'The user wrote 49 hours ago; WeChat takes messages for 48 hours. <img src=x onerror=alert(1)>',
    remedy: 'Only the user can open another window: by writing, or by tapping the menu.',
    messageId: '10240101',
    deliveryId: '10240101',
    at: minutesAgo(2_940),
  },
  {
    cause: 'account_paused',
    headline: 'The account is at rest: quota of the day used up',
    detail: '1,200 messages wait for it. It is tried again at 00:00 Beijing time.',
    remedy: 'Wait, or clear the quota on mp.weixin.qq.com.',
    messageId: null,
    deliveryId: null,
    at: minutesAgo(42),
  },
  {
    cause: 'answered',
    headline: 'The message before was answered',
    detail: 'Sent 2 s after it came.',
    remedy: null,
    messageId: '10240077',
    deliveryId: null,
    at: minutesAgo(3_100),
  },
];

const total = 512;
const started = new Map<string, number>();

function progressOf(id: string): BulkProgress {
  const asked = (started.get(id) ?? 0) + 1;
  started.set(id, asked);
  const done = Math.min(total, asked * 150);
  return {
    id,
    state: done === total ? 'done' : 'running',
    total,
    done,
    results: [
      {
        result: 'requeued',
        count: Math.floor(done * 0.9),
        explained: 'Back in its conversation; it is sent in its turn.',
      },
      {
        result: 'in_hand',
        count: done - Math.floor(done * 0.9),
        explained: 'A worker has it now: try again in a moment.',
      },
    ],
    error: null,
  };
}

export const historyRoutes = {
  'GET messages': ({ query }) => page(messageOf, query),
  'GET deliveries': ({ query }) => page(deliveryOf, query),
  'GET messages/:id': ({ values: [id = '1'] }) => ok(messageOf(Number(id))),
  'GET why': ({ query }) => ok({ account: query.get('account'), openid: query.get('openid'), findings }),
  'POST bulk/preview': () =>
    ok({
      matched: total,
      limit: 10_000,
      verdicts: [
        { verdict: 'ready', count: 480, explained: 'Would be sent again in its turn.' },
        {
          verdict: 'window_closed',
          count: 30,
          explained: 'WeChat would refuse it; force tries all the same.',
        },
        { verdict: 'in_hand', count: 2, explained: 'A worker has its message now.' },
      ],
    }),
  'POST bulk/run': () => ok({ id: String(started.size + 1) }),
  'GET bulk/:id': ({ values: [id = '1'] }) => ok(progressOf(id)),
} satisfies FakeRoutes;
