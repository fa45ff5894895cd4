import type { AccountState } from '../state/accounts.js';
import type { Allowance } from '../state/windows.js';
import { createBody } from './body.js';
import type { Platform, Push, PushResult } from './platform.js';
import { createUser, type SimulatedUser } from './user.js';
import type { XmlFields } from './xml.js';

/** A user was shown that the account is out of service. */
export interface Notice {
  at: number;
  appId: string;
  openid: string;
  text: string;
  push: PushResult;
}

/** What a user did, told before it is pushed. */
export interface UserAct {
  at: number;
  appId: string;
  openid: string;
  /** Of the push, but for those that all have. */
  fields: XmlFields;
  /** The push, as `PushResult` has it. */
  body: string;
}

/** The users of one account: their actions become pushes, and what came of a push is shown to them. */
export interface Users {
  /** The same object for the same openid. */
  user(openid: string): SimulatedUser;
}

export interface UsersDependencies {
  account: AccountState;
  platform: Platform;
  clock: () => number;
  onAct(act: UserAct): void;
  /** Told of each push when it is over. */
  onPush(result: PushResult): void;
  onNotice(notice: Notice): void;
}

const noticeText = '该公众号暂时无法提供服务，请稍后再试';

/** Ids grow with time, also over restarts, and start beyond what a double holds exactly (2^53). */
const msgIdsPerMs = 100_000n;
const lowestMsgId = 2n ** 54n;

export function createUsers({ account: state, platform, clock, ...told }: UsersDependencies): Users {
  const { onAct, onPush, onNotice } = told;
  const users = new Map<string, SimulatedUser>();
  const noticeCounts = new Map<string, number>();
  let lastMsgId = lowestMsgId + BigInt(Math.floor(clock())) * msgIdsPerMs;

  async function push(what: Push): Promise<PushResult> {
    const result = await platform.push(what);
    const { openid } = what;
    if (result.outcome === 'notice') {
      noticeCounts.set(openid, (noticeCounts.get(openid) ?? 0) + 1);
      onNotice({ at: clock(), appId: state.account.appId, openid, text: noticeText, push: result });
    }
    onPush(result);
    return result;
  }

  function act(openid: string, fields: XmlFields, allowance: Allowance | undefined): Promise<PushResult> {
    if (allowance) state.windows.open(openid, allowance);
    state.typing.acted(openid);
    state.followers.acted(openid);
    const createTime = Math.floor(clock() / 1_000);
    const common = {
      ToUserName: state.originalId,
      FromUserName: openid,
      CreateTime: createTime,
    };
    const body = createBody({ ...common, ...fields }, state.account, state.settings);
    onAct({ at: clock(), appId: state.account.appId, openid, fields, body: body.body });
    const { MsgId } = fields;
    return push({
      openid,
      ...body,
      createTime,
      // Only messages have one: what some events call MsgID is something else.
      ...(MsgId === undefined ? {} : { msgId: String(MsgId) }),
    });
  }

  function newUser(openid: string): SimulatedUser {
    return createUser({
      openid,
      act: (fields, allowance) => act(openid, fields, allowance),
      resend: push,
      nextMsgId() {
        lastMsgId += 1n;
        return lastMsgId;
      },
      notices: () => noticeCounts.get(openid) ?? 0,
      follow(following, scene) {
        if (!following) state.unsubscribed.add(openid);
        else {
          state.unsubscribed.delete(openid);
          state.followers.came(openid, scene);
        }
      },
    });
  }

  return {
    user(openid) {
      const user = users.get(openid) ?? newUser(openid);
      users.set(openid, user);
      return user;
    },
  };
}
