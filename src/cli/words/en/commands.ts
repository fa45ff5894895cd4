import { type Counted, count } from '../measures.js';
import { move } from './move.js';
import { rules } from './rules.js';
import { terminal } from './terminal.js';
import { wechat } from './wechat.js';

/** What the commands say of what they did, would do or cannot do. */
export const commands = {
  migrate: {
    applied: (names: readonly string[]) => `applied: ${names.join(', ')}`,
    upToDate: 'the database is up to date',
    newer: (names: readonly string[]) =>
      `a newer version has applied ${names.join(', ')}: there is nothing to do for this one`,
  },
  list: {
    columns: {
      delivery: 'delivery',
      message: 'message',
      planned: 'planned',
      received: 'received',
      openid: 'openid',
      state: 'state',
      errcode: 'errcode',
      tries: 'tries',
      took: 'took',
      text: 'text',
      errmsg: 'errmsg',
      error: 'error',
    },
    noCode: 'Messages have no errcode: list deliveries by --code',
    noSuchState: (kind: Counted, state: string, states: readonly string[]) =>
      `The state of ${kind} is one of ${states.join(', ')}, not "${state}"`,
    none: (kind: Counted, since: string) => `no ${kind} of this kind since ${since}`,
    found: (counted: string, since: string) => `${counted} since ${since}`,
    more: (limit: number) => `; there are more: --limit ${limit}`,
  },
  show: {
    notFound: (kind: Counted, id: string) =>
      `There is no ${kind === 'deliveries' ? 'delivery' : 'message'} ${id}`,
  },
  conversation: {
    columns: {
      time: 'time',
      account: 'account',
      message: 'message',
      delivery: 'delivery',
      text: 'text',
      state: 'state',
    },
    nobody: (openid: string, account?: string) =>
      `Nobody of that openid ever wrote${account ? ` to ${account}` : ''}: ${openid}`,
    whichAccount: (openid: string, accounts: readonly string[]) =>
      `Say --account: ${openid} wrote to ${accounts.join(', ')}`,
  },
  requeue: {
    meanings: {
      requeued: 'requeued',
      ready: 'can be requeued',
      sent: 'were sent already',
      waiting: 'are on their way already',
      in_hand: 'are in the hand of a worker right now: try again in a moment',
      window_closed: 'are past their reply window, WeChat would refuse them (--force tries all the same)',
      forgotten: 'were of a user who is forgotten: there is nothing left to send, and nobody to send it to',
      not_found: 'do not exist',
      not_failed: 'have not failed in the reply logic',
    },
    sayWhich: 'Say which: ids as `list` shows them, or a filter such as --state failed',
    notBoth: 'Say either ids or a filter, not both',
    onlyFailed: 'With --messages the state is failed, and there is no --code',
    none: (kind: Counted) => `no ${kind} match`,
    question: (counted: string) => `Requeue ${counted}?`,
    doubt: (doubtful: number) => ` The users may have got ${doubtful} of them already (unknown).`,
  },
  cancel: {
    meanings: {
      cancelled: 'cancelled',
      final: 'have ended already',
      in_hand: 'are in the hand of a worker right now: try again in a moment',
      not_found: 'do not exist',
    },
    question: (counted: string, ids: readonly string[]) =>
      `Cancel ${counted} (${ids.join(', ')})? What is cancelled is not sent.`,
  },
  hold: {
    meanings: {
      held: 'held',
      final: 'have ended already',
      in_hand: 'are in the hand of a worker right now: try again in a moment',
      not_found: 'do not exist',
    },
    question: (counted: string) => `Hold ${counted}? What is held is not sent, until it is requeued.`,
    none: 'nothing is to be held',
    sayWhich: 'Name messages by their ids, or --after-restore.',
    notBoth: 'Name messages by their ids, or by options: not both.',
  },
  pause: {
    rests: (appId: string, since: string, cause: string, end: string) =>
      `${appId} rests since ${since} (${cause}), ${end}`,
    probedAt: (time: string) => `tried again at ${time}`,
    untilResumed: (appId: string) => `until "wechat-outbox resume ${appId}"`,
  },
  move,
  resume: {
    resumed: (appId: string) => `${appId} goes on`,
    wasNotPaused: (appId: string) => `${appId} was not paused`,
  },
  token: {
    notInSettings: (appId: string) =>
      `Account ${appId} is not in the settings: its secret is needed for a token`,
    renewed: (appId: string, goodFor: string) => `${appId} has a new access token, good for ${goodFor}`,
    kept: (appId: string, goodFor: string) =>
      `${appId} keeps its access token: WeChat hands out the same, good for ${goodFor}`,
  },
  ...wechat,
  send: {
    problems: {
      no_message: 'this user never wrote to the account: WeChat lets nobody begin a conversation',
      window_closed: 'the reply window is over, WeChat would refuse it; --force tries all the same',
      busy: 'their latest message is still being answered; try again in a moment',
    },
    queued: (ids: readonly string[]) =>
      `queued as delivery ${ids.join(', ')}; see wechat-outbox show --delivery ${ids[0]}`,
  },
  forget: {
    question: (openid: string, messages: number, account: string) =>
      `Forget ${openid}, who sent ${terminal.count.messages(messages)} to ${account}? What was said cannot be had back, and what waits is not sent.`,
    forgotten: (messages: number, deliveries: number) =>
      `forgotten: ${terminal.count.messages(messages)}, ${terminal.count.deliveries(deliveries)}`,
    givenUp: (messages: number) => `given up: ${terminal.count.messages(messages)} that waited`,
    inHand: (messages: number) =>
      `nothing is forgotten yet: a worker has ${terminal.count.messages(messages)} of theirs in hand right now; run it again in a moment`,
  },
  rules,
  user: {
    columns: {
      name: 'name',
      displayName: 'shown as',
      role: 'role',
      password: 'password',
      state: 'state',
      sessions: 'sessions',
      seen: 'last seen',
      via: 'by',
      address: 'from',
      since: 'since',
      enabled: 'enabled',
      disabled: 'disabled',
    },
    yes: 'yes',
    no: 'none',
    none: 'there is none; add one: wechat-outbox user add NAME --role admin',
    badName: (name: string) =>
      `"${name}" cannot be a name: 1 to 100 printable characters, without blanks around them`,
    badPassword: 'A password has 10 to 500 characters',
    notBoth: 'Say --password-stdin or --no-password, not both',
    exists: (name: string) => `There is a user ${name} already`,
    nobody: (name: string) => `There is no user ${name}`,
    lastAdmin: 'This is the last admin: make another one first',
    added: (name: string, role: string) => `added ${name}, as ${role}`,
    done: (name: string) => `done: ${name}`,
    ended: (name: string, sessions: number) => `${name}: ${count(sessions, 'session')} ended`,
    question: (name: string) => `Remove the user ${name}?`,
  },
  console: {
    link: (minutes: number) => `signs an admin in, once, within ${minutes} minutes:`,
    off: 'The settings want no console (CONSOLE_PATH=off)',
  },
  simulate: {
    notInSettings: (appId: string) => `Account ${appId} is not in the settings`,
    acknowledged: (ms: number | undefined, openid: string) =>
      `acknowledged in ${ms} ms; see what becomes of it: wechat-outbox conversation ${openid}`,
    notAcknowledged: (url: string, last: string) => `not acknowledged at ${url}: ${last}`,
    textOrPhone: 'Say what to do: --text or --phone, one of them',
    withPhone: '--port and --menu are for --phone',
    badMenu: (file: string, why: string) => `${file} is no menu: ${why}`,
    phone: (place: { page: string; api: string; webhook: string }) =>
      `The phone is at ${place.page}
It pushes to ${place.webhook}
Answers reach it from a service that was started with WECHAT_API_BASE=${place.api}
Ctrl-C ends it.`,
  },
  export: {
    excelIsCsv: '--excel is for --format csv',
    overwriteIsOutput: '--overwrite is for --output',
    untilIsLater: '--until must be later than --since',
    done: (messages: number, deliveries: number, range: { since: string; until: string }) =>
      `${terminal.count.messages(messages)} and ${terminal.count.deliveries(deliveries)}, received from ${range.since} until ${range.until}`,
    where: (output: string | undefined, took: string) => `, are in ${output ?? 'the output'} (${took}).`,
    interrupted: (output: string) => `Interrupted: ${output} is as it was`,
    noFile: (output: string) => `${output} is no file.`,
    isThere: (output: string) =>
      `${output} is there already. Name another file, or replace it with --overwrite.`,
    cannotWrite: (output: string, cause: string) => `Cannot write ${output}: ${cause}`,
  },
  status: {
    title: (time: string) => `wechat-outbox at ${time}`,
    workers: (alive: number) => (alive === 0 ? 'NO WORKER IS ALIVE' : `${count(alive, 'worker')} alive`),
    waiting: (messages: number, oldest: string | undefined) =>
      `${terminal.count.messages(messages)} waiting${oldest ? `, the oldest for ${oldest}` : ''}`,
    notSent: (deliveries: number) => `${terminal.count.deliveries(deliveries)} not sent in 24 h`,
    failedMessages: (messages: number) => `${terminal.count.messages(messages)} failed in the reply logic`,
    resting: (accounts: number) => `${count(accounts, 'account')} AT REST`,
    rests: 'Accounts that rest',
    none: (title: string, none: string) => `${title}: ${none}`,
    oldest: (message: { id: string; openid: string; age: string; error: string | undefined }) =>
      `Oldest: message ${message.id} of ${message.openid}, ${message.age}${message.error ? `: ${message.error}` : ''}; wechat-outbox show ${message.id}`,
    backlog: {
      title: 'Not answered yet',
      columns: ['account', 'state', 'messages', 'oldest'],
      none: 'nothing waits',
    },
    rates: {
      title: 'A minute, over the last',
      columns: ['', '1 min', '5 min', '60 min'],
      none: 'none',
      received: 'received',
      sent: 'sent',
      failed: 'failed',
    },
    failures: {
      title: 'Not sent, in the last 24 h',
      columns: ['account', 'state', 'errcode', 'deliveries', 'latest', 'errmsg'],
      none: 'nothing',
    },
    credentials: {
      title: 'Credentials',
      columns: ['account', 'kind', 'renewed', 'good for'],
      over: 'over',
      none: 'none fetched yet',
    },
    processes: {
      title: 'Workers',
      columns: ['id', 'host', 'pid', 'state', 'since', 'messages in hand'],
      alive: 'alive',
      missing: 'missing',
      none: 'none is alive: nothing is answered; start one with "wechat-outbox start"',
    },
  },
};
