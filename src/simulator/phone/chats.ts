import type { PushResult } from '../pushes/platform.js';
import type { Notice, UserAct } from '../pushes/users.js';
import type { Accounts } from '../state/accounts.js';
import type { DeliveredMessage } from '../state/deliveries.js';
import type { TypingSignal } from '../state/typing.js';
import type { Change, Chat, Content, Entry, PhoneUser } from './contract.js';
import { contentOfAnswer, contentOfPassiveReply, isByAi, type PathOfMedia } from './from-account.js';
import { contentOfAct } from './from-user.js';

/** What each user sees: those that were made here, and all others that did something. */
export interface Chats {
  readonly users: readonly PhoneUser[];
  readonly all: readonly Chat[];
  /** Undefined when there are too many already. */
  addUser(user: { appId: string; openid: string; name: string }): PhoneUser | undefined;
  find(appId: string, openid: string): PhoneUser | undefined;
  acted(act: UserAct): void;
  pushed(result: PushResult): void;
  delivered(message: DeliveredMessage): void;
  typed(signal: TypingSignal): void;
  noticed(notice: Notice): void;
  /** Nothing was pushed: why. */
  failed(appId: string, openid: string, why: string): void;
}

export interface ChatsOptions {
  accounts: Accounts;
  clock: () => number;
  /** Of those that were not made here. */
  nameOf(openid: string): string;
  pathOf: PathOfMedia;
  onChange(change: Change): void;
}

interface Known {
  appId: string;
  openid: string;
  name: string;
  isFollowing: boolean;
  entries: Entry[];
  typingUntil: number;
}

const mostUsers = 200;
const mostEntries = 300;
/** How long the account shows as typing. */
const typingMs = 15_000;

export function createChats(options: ChatsOptions): Chats {
  const { clock, pathOf } = options;
  const book = createBook(options);
  const { of, show, setTyping } = book;
  return {
    get users() {
      return book.all().map(book.viewOf);
    },
    get all() {
      return book.all().map(({ name: _, isFollowing: __, ...chat }) => chat);
    },
    addUser({ appId, openid, name }) {
      const known = book.add({ appId, openid, name, isFollowing: false });
      return known && book.viewOf(known);
    },
    find(appId, openid) {
      const known = book.find(appId, openid);
      return known && book.viewOf(known);
    },
    acted({ at, appId, openid, fields }) {
      const known = of(appId, openid);
      if (!known) return;
      const content = contentOfAct(fields, pathOf);
      if (content.kind === 'event' && content.name === 'subscribe') known.isFollowing = true;
      if (content.kind === 'event' && content.name === 'unsubscribe') known.isFollowing = false;
      show(known, content.kind === 'event' ? 'system' : 'user', at, content);
    },
    pushed({ appId, openid, replyXml }) {
      const known = replyXml === undefined ? undefined : of(appId, openid);
      if (known && replyXml !== undefined) show(known, 'account', clock(), contentOfPassiveReply(replyXml));
    },
    delivered(message) {
      const known = of(message.appId, message.openid);
      if (!known) return;
      setTyping(known, 0);
      show(known, 'account', message.at, contentOfAnswer(message, pathOf), isByAi(message));
    },
    typed({ at, appId, openid, command }) {
      const known = of(appId, openid);
      if (known) setTyping(known, command === 'Typing' ? at + typingMs : 0);
    },
    noticed({ at, appId, openid }) {
      const known = of(appId, openid);
      if (known) show(known, 'system', at, { kind: 'out of service' });
    },
    failed(appId, openid, text) {
      const known = of(appId, openid);
      if (known) show(known, 'system', clock(), { kind: 'other', text });
    },
  };
}

/** The users and what they see, each change told of. */
function createBook({ accounts, nameOf, onChange }: ChatsOptions) {
  const byUser = new Map<string, Known>();
  let lastId = 0;

  function viewOf({ appId, openid, name, isFollowing }: Known): PhoneUser {
    const { open, usedUpUntil = null } = accounts.of(appId).windows.left(openid);
    return { appId, openid, name, isFollowing, allowance: { open, usedUpUntil } };
  }

  function add(user: Pick<Known, 'appId' | 'openid' | 'name' | 'isFollowing'>): Known | undefined {
    if (byUser.size >= mostUsers) return undefined;
    const known: Known = { ...user, entries: [], typingUntil: 0 };
    byUser.set(`${user.appId} ${user.openid}`, known);
    onChange({ kind: 'user', user: viewOf(known) });
    return known;
  }

  const find = (appId: string, openid: string) => byUser.get(`${appId} ${openid}`);

  return {
    viewOf,
    add,
    find,
    all: () => [...byUser.values()],

    /** Who acts without having been made here has followed before. */
    of(appId: string, openid: string): Known | undefined {
      return find(appId, openid) ?? add({ appId, openid, name: nameOf(openid), isFollowing: true });
    },

    show(known: Known, from: Entry['from'], at: number, content: Content, isByAi = false): void {
      lastId += 1;
      const entry: Entry = { id: lastId, at, from, content, isByAi };
      known.entries.push(entry);
      if (known.entries.length > mostEntries) known.entries.shift();
      const { appId, openid } = known;
      onChange({ kind: 'entry', appId, openid, entry });
      onChange({ kind: 'user', user: viewOf(known) });
    },

    setTyping(known: Known, until: number): void {
      if (known.typingUntil === until) return;
      known.typingUntil = until;
      onChange({ kind: 'typing', appId: known.appId, openid: known.openid, until });
    },
  };
}
