import type { Pool } from '../../db/pool.js';
import type { PushResult, SimulatedUser, Simulator } from '../../simulator/index.js';
import type { Words } from '../words/index.js';
import type { Screen } from './screen.js';

type DemoWords = Words['demo'];

export const accountName = '晨光书店';

/** By the beginning of their OpenIDs, the rest of which is each run's own. */
const userNames: Readonly<Record<string, string>> = {
  oXiaoMing: '小明',
  oXiaoHong: '小红',
  oXiaoGang: '小刚',
  oYou: '你',
};

export function userNameOf(openid: string): string | undefined {
  return userNames[openid.slice(0, Math.max(0, openid.lastIndexOf('_')))];
}

/** Longer than any retry of the scene with errors takes. */
const sceneTimeoutMs = 30_000;

export interface Stage {
  simulator: Simulator;
  pool: Pool;
  screen: Screen;
}

interface Act {
  /** Of the user, on the screen. */
  name: string;
  says: string;
  user: SimulatedUser;
  pushes(): Promise<PushResult>[];
  replies: number;
}

/** @returns whether every reply arrived, and none twice */
export async function play(stage: Stage, words: DemoWords): Promise<boolean> {
  const { simulator, screen } = stage;
  const run = Date.now().toString(36);
  const xiaoming = { name: '小明', user: simulator.user(`oXiaoMing_${run}`) };
  const xiaohong = { name: '小红', user: simulator.user(`oXiaoHong_${run}`) };
  const xiaogang = { name: '小刚', user: simulator.user(`oXiaoGang_${run}`) };
  const say = (who: typeof xiaoming, says: string, replies: number) =>
    act(stage, words, { ...who, says, replies, pushes: () => [who.user.say(says)] });

  screen.scene(words.scenes.subscribe);
  const subscribe = () => [xiaoming.user.subscribe()];
  await act(stage, words, { ...xiaoming, says: '[关注公众号]', replies: 3, pushes: subscribe });
  screen.scene(words.scenes.keyword);
  await say(xiaoming, 'tw', 3);
  await say(xiaoming, 'hello', 1);
  screen.scene(words.scenes.thrice);
  const sayThrice = () => {
    const first = xiaohong.user.say('在吗？');
    const again = () => first.then((result) => xiaohong.user.resend(result));
    return [first, again(), again()];
  };
  await act(stage, words, { ...xiaohong, says: '在吗？', replies: 1, pushes: sayThrice });
  screen.scene(words.scenes.trouble);
  const { openid } = xiaogang.user;
  simulator.faults.add({ openid, fault: { errcode: -1, errmsg: 'system error' } });
  simulator.faults.add({ openid, fault: { httpStatus: 502 } });
  await say(xiaogang, '你好', 1);

  const isAnswered = ({ openid, notices }: SimulatedUser, replies: number) =>
    notices === 0 && simulator.inboxOf(openid).length === replies;
  return isAnswered(xiaoming.user, 7) && isAnswered(xiaohong.user, 1) && isAnswered(xiaogang.user, 1);
}

/** One action of a user, and the replies to it. */
async function act(
  { simulator, pool, screen }: Stage,
  words: DemoWords,
  { name, says, user, pushes, replies }: Act,
): Promise<void> {
  const { openid } = user;
  const before = simulator.inboxOf(openid).length;
  const startedAt = Date.now();
  for (const push of pushes()) screen.said(name, says, await push);
  const inbox = await simulator.waitForDelivered(openid, before + replies, sceneTimeoutMs);
  const attempts = await settledAttempts(pool, openid, replies, words);
  for (const [index, message] of inbox.slice(before).entries()) {
    screen.answered(accountName, message.text, {
      at: message.at,
      ms: message.at - startedAt,
      attempts: attempts[index] ?? 0,
    });
  }
}

/** How many attempts each of the user's latest `count` deliveries took, once their results are on record. */
async function settledAttempts(
  pool: Pool,
  openid: string,
  count: number,
  words: DemoWords,
): Promise<number[]> {
  const deadline = Date.now() + sceneTimeoutMs;
  for (;;) {
    const { rows } = await pool.query<{ attempts: number; status: string }>(
      `select d.attempts, m.status from wechat.delivery d join wechat.inbound_message m on m.id = d.message_id
       where d.openid = $1 order by d.id desc limit $2`,
      [openid, count],
    );
    if (rows.length === count && rows.every(({ status }) => status === 'settled')) {
      return rows.map(({ attempts }) => attempts).reverse();
    }
    if (Date.now() > deadline) throw new Error(words.notSettled(openid, sceneTimeoutMs));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
