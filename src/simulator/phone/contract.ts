/** A button of the account's menu, in the form of WeChat's menu/create. */
export interface MenuButton {
  name: string;
  /** click, view, miniprogram, scancode_push, scancode_waitmsg, pic_…, location_select; none with sub-buttons. */
  type?: string;
  key?: string;
  url?: string;
  pagepath?: string;
  sub_button?: readonly MenuButton[];
}

export interface PhoneAccount {
  appId: string;
  name: string;
  menu: readonly MenuButton[];
}

/** What the account may still send to a user; times in ms. */
export interface Allowance {
  open: readonly { endsAt: number; quota: number; left: number }[];
  /** The end of the last window that is used up. */
  usedUpUntil: number | null;
}

export interface PhoneUser {
  appId: string;
  openid: string;
  name: string;
  isFollowing: boolean;
  allowance: Allowance;
}

/** A piece of a text. No piece is ever markup. */
export type TextPart =
  | { kind: 'plain'; text: string }
  /** `href` is http or https. */
  | { kind: 'link'; text: string; href: string }
  | { kind: 'tap'; text: string; id: string }
  | { kind: 'miniprogram'; text: string; page: string };

/** Paths are relative to the page; links are http or https, and null when they were anything else. */
export type Content =
  | { kind: 'text'; parts: readonly TextPart[] }
  | { kind: 'image'; path: string | null }
  | { kind: 'voice'; path: string | null; words: string }
  | { kind: 'video'; path: string | null; title: string; description: string }
  | { kind: 'music'; title: string; description: string; link: string | null }
  | { kind: 'article'; title: string; description: string; picture: string | null; link: string | null }
  | { kind: 'miniprogram'; title: string; page: string }
  | {
      kind: 'menu';
      head: readonly TextPart[];
      entries: readonly { id: string; text: string }[];
      tail: readonly TextPart[];
    }
  | { kind: 'location'; latitude: string; longitude: string; label: string }
  /** Something that the user did, and no message. */
  | { kind: 'event'; name: string; detail: string }
  /** No good answer in three tries. */
  | { kind: 'out of service' }
  | { kind: 'other'; text: string };

export interface Entry {
  id: number;
  at: number;
  from: 'user' | 'account' | 'system';
  content: Content;
  /** WeChat says under it that a model wrote it (aimsgcontext). */
  isByAi: boolean;
}

export interface Chat {
  appId: string;
  openid: string;
  entries: readonly Entry[];
  /** Until when the account shows as typing. */
  typingUntil: number;
}

export interface PushView {
  id: number;
  at: number;
  openid: string;
  /** What was pushed, in a word: `text`, `CLICK`. */
  what: string;
  isRepeated: boolean;
  state: 'under way' | 'acknowledged' | 'failed';
  tries: readonly { status: number | null; error: string | null; ms: number }[];
}

export interface CallView {
  id: number;
  at: number;
  path: string;
  openid: string | null;
  /** Null while it is under way, and for good when it hangs. */
  ms: number | null;
  httpStatus: number | null;
  errcode: number | null;
  /** Of the request; the secret is masked. */
  body: string;
}

export type Failure =
  | { kind: 'errcode'; errcode: number }
  | { kind: 'http'; status: number }
  | { kind: 'hang' }
  | { kind: 'slow'; ms: number }
  | { kind: 'reset'; when: 'before' | 'after' }
  | { kind: 'malformed' };

export type FailingCall = 'send' | 'typing' | 'upload' | 'download' | 'token';

export interface FailureOrder {
  failure: Failure;
  call: FailingCall;
  /** Null: everybody. */
  openid: string | null;
  /** How many calls; null: until it is lifted. */
  times: number | null;
}

export interface Troubles {
  failures: readonly FailureOrder[];
  isQuotaUsedUp: boolean;
  /** How often each push is repeated. */
  copies: number;
  isWebhookDown: boolean;
}

/** POST api/troubles */
export type Trouble =
  | { kind: 'fail'; order: FailureOrder }
  | { kind: 'quota'; isUsedUp: boolean }
  | { kind: 'end token' }
  | { kind: 'copies'; copies: number }
  | { kind: 'webhook'; isDown: boolean }
  | { kind: 'push again'; openid: string }
  | { kind: 'lift all' };

/** POST api/actions, with whose it is. Empty strings stand for what is not there. */
export type Action =
  | { kind: 'say'; text: string }
  | { kind: 'tap'; id: string; text: string }
  | { kind: 'voice'; words: string }
  | { kind: 'location'; latitude: number; longitude: number; label: string; key: string }
  | { kind: 'follow'; scene: string }
  | { kind: 'unfollow' }
  | { kind: 'scan'; scene: string }
  | { kind: 'click'; key: string }
  | { kind: 'view'; url: string }
  | { kind: 'miniprogram'; page: string }
  | { kind: 'scan code'; key: string; result: string; wait: boolean };

export interface ActionRequest {
  appId: string;
  openid: string;
  action: Action;
}

/** GET api/state, and the first of what GET api/stream tells. */
export interface Snapshot {
  /** The simulator's time. */
  now: number;
  accounts: readonly PhoneAccount[];
  users: readonly PhoneUser[];
  chats: readonly Chat[];
  pushes: readonly PushView[];
  calls: readonly CallView[];
  troubles: Troubles;
}

/** What GET api/stream tells: the snapshot, then what changes. Pushes and calls come again when they change. */
export type Change =
  | { kind: 'snapshot'; snapshot: Snapshot }
  | { kind: 'menu'; appId: string; menu: readonly MenuButton[] }
  | { kind: 'user'; user: PhoneUser }
  | { kind: 'entry'; appId: string; openid: string; entry: Entry }
  | { kind: 'typing'; appId: string; openid: string; until: number }
  | { kind: 'push'; push: PushView }
  | { kind: 'call'; call: CallView }
  | { kind: 'troubles'; troubles: Troubles };
