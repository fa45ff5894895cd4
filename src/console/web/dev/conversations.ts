import type {
  Conversation,
  ConversationEvent,
  ConversationRow,
  SavedAnswer,
  SendResult,
  TakeRequest,
  TakeResult,
  Turn,
} from '../../contract/conversations.js';
import { type Asked, type FakeRoutes, ok } from './routes.js';
import { person, type Talk, talks } from './talks.js';

const listeners = new Set<(event: ConversationEvent) => void>();

export function onConversationEvent(listen: (event: ConversationEvent) => void): () => void {
  listeners.add(listen);
  return () => listeners.delete(listen);
}

function tell({ account, openid }: Talk, what: ConversationEvent['what']): void {
  for (const listen of listeners) listen({ account, openid, what });
}

const answers: SavedAnswer[] = [
  { id: '1', title: '营业时间', text: '您好，我们每天 9:00 到 21:00 营业。', account: null },
  {
    id: '2',
    title: 'Refund <b>rules</b>',
    text: 'We refund within 7 days.\nPlease send us the order number.',
    account: null,
  },
];
let ids = 900;

const found = ({ values: [account, openid] }: Asked) =>
  talks.find((one) => one.account === account && one.openid === openid);

function rowOf(talk: Talk): ConversationRow {
  const last = talk.turns.at(-1);
  return {
    account: talk.account,
    openid: talk.openid,
    state: talk.state,
    agent: talk.handover?.agent ?? null,
    reason: talk.handover?.reason ?? null,
    lastAt: last?.at ?? new Date().toISOString(),
    lastText: (last && 'text' in last && last.text) || '[image]',
    lastFrom:
      last?.from === 'user' || last?.from === 'event' ? 'user' : last?.from === 'agent' ? 'agent' : 'bot',
    unread: talk.unread,
    windowEndsAt: talk.window?.endsAt ?? null,
  };
}

function list({ query }: Asked) {
  const rows = talks
    .map(rowOf)
    .filter((row) => {
      const wanted = query.get('q')?.toLowerCase() ?? '';
      return (
        (!query.get('state') || row.state === query.get('state')) &&
        (!query.get('account') || row.account === query.get('account')) &&
        (!query.get('mine') || row.agent === person) &&
        `${row.openid} ${row.lastText}`.toLowerCase().includes(wanted)
      );
    })
    .sort((a, b) => b.lastAt.localeCompare(a.lastAt));
  const from = Number(query.get('before') ?? 0);
  const limit = Number(query.get('limit') ?? 40);
  return ok({
    rows: rows.slice(from, from + limit),
    next: from + limit < rows.length ? String(from + limit) : null,
  });
}

function one(asked: Asked) {
  const talk = found(asked);
  if (!talk) return { status: 404, body: { error: 'not_found', message: '' } };
  const to = Number(asked.query.get('before') ?? talk.turns.length);
  const from = Math.max(0, to - Number(asked.query.get('limit') ?? 40));
  if (talk.handover?.agent === person) talk.unread = 0;
  const { account, openid, state, handover, window } = talk;
  const turns = talk.turns.slice(from, to);
  return ok({
    account,
    openid,
    state,
    handover,
    window,
    turns,
    earlier: from > 0 ? String(from) : null,
  } satisfies Conversation);
}

function take(asked: Asked) {
  const talk = found(asked);
  const { steal } = JSON.parse(asked.body) as TakeRequest;
  if (!talk) return ok({ kind: 'no_conversation' } satisfies TakeResult);
  const holder = talk.handover?.agent;
  if (holder && holder !== person && !steal)
    return ok({ kind: 'held', agent: holder, since: talk.handover?.since ?? '' } satisfies TakeResult);
  const since = new Date().toISOString();
  const returnsAt = new Date(Date.now() + 1_800_000).toISOString();
  talk.handover = { agent: person, reason: null, since, returnsAt, external: false };
  talk.state = 'taken';
  talk.unread = 0;
  tell(talk, 'handover');
  return ok({ kind: 'taken' } satisfies TakeResult);
}

function giveBack(asked: Asked) {
  const talk = found(asked);
  if (talk) {
    talk.handover = null;
    talk.state = 'bot';
    tell(talk, 'handover');
  }
  return ok({ kind: 'returned' });
}

/** The user answers what an agent writes, so that one sees a message come in. */
function send(asked: Asked) {
  const talk = found(asked);
  if (!talk?.window || Date.parse(talk.window.endsAt) < Date.now())
    return ok({ kind: 'window_closed' } satisfies SendResult);
  if (talk.window.quota !== null && talk.window.used >= talk.window.quota)
    return ok({ kind: 'allowance_used' } satisfies SendResult);
  const text = asked.body.startsWith('{') ? (JSON.parse(asked.body) as { text: string }).text : null;
  if (text === 'fail') return { status: 502, body: '' };
  talk.window.used += 1;
  ids += 1;
  const turn: Turn = {
    key: `d${ids}`,
    at: new Date().toISOString(),
    from: 'agent',
    deliveryId: String(ids),
    agent: person,
    type: text === null ? 'image' : 'text',
    text,
    media: text === null ? { kind: 'image', path: 'media/leaf' } : null,
    state: 'pending',
    error: null,
  };
  const sent = turn;
  setTimeout(() => {
    talk.turns.push(sent);
    tell(talk, 'delivery');
  }, 700);
  setTimeout(() => {
    talk.turns = talk.turns.map((old) => (old.key === sent.key ? { ...sent, state: 'sent' } : old));
    tell(talk, 'delivery');
  }, 1_800);
  setTimeout(() => answered(talk, text ?? 'a picture'), 4_000);
  return ok({ kind: 'queued', deliveryId: String(ids) } satisfies SendResult);
}

function answered(talk: Talk, text: string): void {
  ids += 1;
  talk.turns.push({
    key: `m${ids}`,
    at: new Date().toISOString(),
    from: 'user',
    messageId: String(ids),
    type: 'text',
    text: `好的，谢谢！（${text}）`,
    media: null,
    location: null,
    link: null,
    state: 'with_agent',
  });
  talk.unread += 1;
  talk.window = { endsAt: new Date(Date.now() + 48 * 3_600_000).toISOString(), quota: 5, used: 0 };
  tell(talk, 'message');
}

function saveAnswer({ values: [id], body }: Asked) {
  const answer = JSON.parse(body) as Omit<SavedAnswer, 'id'>;
  ids += 1;
  const at = answers.findIndex((old) => old.id === id);
  if (at < 0) answers.push({ ...answer, id: String(ids) });
  else answers[at] = { ...answer, id: id ?? '' };
  return ok(answers[at < 0 ? answers.length - 1 : at]);
}

const leaf =
  '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="220"><rect width="320" height="220" fill="#dcefe0"/><path d="M60 180C60 80 160 40 270 40c0 110-70 160-160 150M60 200c30-60 80-90 140-110" fill="#4c9a5f" stroke="#1d5a2e" stroke-width="4"/></svg>';

export const conversationRoutes = {
  'GET conversations': list,
  'GET conversations/:account/:openid': one,
  'POST conversations/:account/:openid/take': take,
  'POST conversations/:account/:openid/return': giveBack,
  'POST conversations/:account/:openid/transfer': () => ({
    status: 409,
    body: {
      error: 'no_right',
      message: 'WeChat refuses: 65415 (the account has no customer service of its own)',
    },
  }),
  'POST conversations/:account/:openid/read': () => ok(),
  'POST conversations/:account/:openid/send': send,
  'GET media/leaf': () => ({
    status: 200,
    file: { type: 'image/svg+xml', bytes: new TextEncoder().encode(leaf) },
  }),
  'GET saved-answers': () => ok(answers),
  'POST saved-answers': saveAnswer,
  'PUT saved-answers/:id': saveAnswer,
  'DELETE saved-answers/:id': ({ values: [id] }: Asked) => {
    const at = answers.findIndex((old) => old.id === id);
    if (at >= 0) answers.splice(at, 1);
    return ok();
  },
} satisfies FakeRoutes;
