import { count } from '../measures.js';

/** What the demo says beside what its users and the account say. */
export const demo = {
  starting: (folder: string) => `Starting PostgreSQL in ${folder} …`,
  stopping: 'Stopping …',
  own: (names: string) => `Answers come from ${names}`,
  ofEarlierState: (folder: string) =>
    `Another state of wechat-outbox made the demo’s database, and this one cannot work with it. Nothing in it is needed: remove ${folder}, and start the demo again.`,
  scenes: {
    subscribe:
      '小明 subscribes: the welcome card goes out as three messages, for the API takes one article each',
    keyword: '小明 sends the keyword tw, then anything',
    thrice:
      '小红’s message is pushed three times, as when the platform saw no answer: stored and answered once',
    trouble: '小刚 writes while the API is in trouble: system busy, then HTTP 502; retried with backoff',
  },
  acknowledged: (ms: number | undefined) => `acknowledged in ${ms} ms`,
  took: (ms: number, attempts: number | undefined) =>
    `${ms} ms${attempts === undefined ? '' : `, ${count(attempts, 'attempt')}`}`,
  notSettled: (openid: string, ms: number) => `the replies to ${openid} are not settled after ${ms} ms`,
  complete: 'Every message was answered, and none twice.',
  incomplete: 'Replies are missing, or arrived twice: see the log.',
  tour: {
    inBrowser: 'In the browser',
    phone: 'a phone, and a panel that makes the API fail',
    console: 'the console, signed in',
    lookAround: 'Look around',
    elsewhere: '(in another terminal)',
    ready: 'is it able to work',
    done: 'what it has done',
    webhook: (url: string) => `The webhook listens on ${url}`,
    talk: 'Talk to it',
    howToTalk: ': type a message and press Enter. Ctrl-C ends the demo.',
  },
};
