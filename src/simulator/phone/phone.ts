import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import type { ApiCall } from '../api/exchange.js';
import type { FaultSource } from '../api/faults.js';
import type { Pages } from '../api/server.js';
import type { Pushes } from '../pushes/pushes.js';
import type { Accounts } from '../state/accounts.js';
import type { Deliveries } from '../state/deliveries.js';
import type { Media } from '../state/media.js';
import { examine } from '../state/media-formats.js';
import type { TokenControls } from '../state/tokens.js';
import type { TypingSignal } from '../state/typing.js';
import { act, silence } from './actions.js';
import { type Chats, createChats } from './chats.js';
import type { Change, MenuButton, Snapshot, Trouble as TroubleOrder } from './contract.js';
import { createFiles } from './files.js';
import { defaultMenu } from './menu.js';
import { type ApiRefusal, createPhoneRoutes, type PhoneActions } from './routes.js';
import { createStream } from './stream.js';
import { createTraffic, type Traffic } from './traffic.js';
import { createTroubles, type Trouble } from './troubles.js';

export interface PhoneOptions {
  /** What users know the accounts as, by app id. Default: the app id. */
  accountNames?: Readonly<Record<string, string>>;
  /** Of all accounts. Default: one with a button of each kind. */
  menu?: readonly MenuButton[];
  /** Of users that were not made at the phone. Default: the openid. */
  userNameOf?(openid: string): string | undefined;
  /** Where the built page is. Default: beside this file. */
  pageFolder?: string;
}

export interface PhoneDependencies {
  options: PhoneOptions;
  accounts: Accounts;
  media: Media;
  deliveries: Pick<Deliveries, 'onDelivered'>;
  faults: FaultSource;
  tokens: TokenControls;
  pushes: Pushes;
  clock: () => number;
}

/** The phone, and what it must be told of. */
export interface Phone {
  readonly pages: Pages;
  called(call: ApiCall): void;
  callOver(call: ApiCall): void;
  typed(signal: TypingSignal): void;
  /** By API. */
  menuChanged(appId: string): void;
  close(): void;
}

/** All that the routes need. */
interface Parts extends Omit<PhoneDependencies, 'faults' | 'tokens'> {
  chats: Chats;
  traffic: Traffic;
  troubles: Trouble;
  /** Accounts whose menu was made, or taken away, by API. */
  changedMenus: Set<string>;
}

const notFound: ApiRefusal = { refused: 'there is no such user', status: 404 };

export function createPhone(dependencies: PhoneDependencies): Phone {
  const { options, accounts, media, pushes, clock } = dependencies;
  const stream = createStream(() => snapshotOf(parts));
  const onChange = (change: Change) => stream.tell(change);
  const chats = createChats({
    accounts,
    clock,
    nameOf: (openid) => options.userNameOf?.(openid) ?? openid,
    pathOf: (mediaId) => (media.findByLink(mediaId) ? `api/media?id=${encodeURIComponent(mediaId)}` : null),
    onChange,
  });
  const traffic = createTraffic(clock, onChange);
  const troubles = createTroubles({ ...dependencies, onChange });
  const changedMenus = new Set<string>();
  const parts: Parts = { ...dependencies, chats, traffic, troubles, changedMenus };

  for (const { account } of accounts.all) addUser(parts, { appId: account.appId, name: '我' });
  pushes.onAct((done) => {
    traffic.acted(done);
    chats.acted(done);
  });
  dependencies.deliveries.onDelivered(chats.delivered);
  pushes.onNotice(chats.noticed);
  pushes.onPush((result) => {
    chats.pushed(result);
    if (!traffic.pushed(result)) return;
    const user = pushes.user(result.openid, result.appId);
    for (let copy = 0; copy < troubles.now.copies; copy += 1) user.resend(result).catch(() => undefined);
  });
  return {
    pages: createPhoneRoutes({
      actions: createActions(parts),
      files: createFiles(options.pageFolder ?? path.join(import.meta.dirname, 'page')),
      stream,
    }),
    called(call) {
      traffic.called(call);
      // By then the call has met its fault.
      setImmediate(troubles.look);
    },
    callOver: traffic.callOver,
    typed: chats.typed,
    menuChanged(appId) {
      changedMenus.add(appId);
      onChange({ kind: 'menu', appId, menu: menuOf(parts, appId) });
    },
    close: stream.close,
  };
}

function createActions(parts: Parts): PhoneActions {
  const { accounts, media, pushes, chats } = parts;
  const has = (appId: string) => accounts.all.some(({ account }) => account.appId === appId);

  /** Shows what kept a push from being made: there is nobody else to tell. */
  function run(appId: string, openid: string, action: Promise<unknown>): undefined {
    action.catch((error: unknown) => chats.failed(appId, openid, String(error)));
  }

  return {
    snapshot: () => snapshotOf(parts),
    addUser: (user) =>
      has(user.appId)
        ? (addUser(parts, user) ?? { refused: 'there are too many users', status: 409 })
        : notFound,
    act({ appId, openid, action }) {
      const known = chats.find(appId, openid);
      if (!known) return notFound;
      const addVoice = () => media.add({ appId, type: 'voice', bytes: silence, contentType: 'audio/amr' });
      const { isFollowing } = known;
      return run(appId, openid, act(pushes.user(openid, appId), action, { isFollowing, addVoice }));
    },
    sendPicture({ appId, openid, key }, bytes, host) {
      if (!chats.find(appId, openid)) return notFound;
      const examined = examine('image', bytes);
      if ('errcode' in examined)
        return { refused: `WeChat takes no such picture (${examined.errcode})`, status: 400 };
      const mediaId = media.add({ appId, type: 'image', bytes, ...examined });
      const picUrl = `http://${host}/phone/api/media?id=${mediaId}`;
      return run(appId, openid, sendPicture(parts, { appId, openid, key }, { bytes, mediaId, picUrl }));
    },
    trouble: (order) => makeTrouble(parts, order),
    media: media.findByLink,
  };
}

async function sendPicture(
  { pushes }: Parts,
  { appId, openid, key }: { appId: string; openid: string; key: string },
  { bytes, ...picture }: { bytes: Buffer; mediaId: string; picUrl: string },
): Promise<void> {
  const user = pushes.user(openid, appId);
  if (key !== '') {
    const sum = createHash('md5').update(bytes).digest('hex');
    await user.sendPictures({ key, md5Sums: [sum], from: 'camera or album' });
  }
  await user.image(picture);
}

function makeTrouble({ pushes, traffic, troubles }: Parts, order: TroubleOrder): ApiRefusal | undefined {
  switch (order.kind) {
    case 'fail':
      troubles.fail(order.order);
      return undefined;
    case 'quota':
      troubles.useUpQuota(order.isUsedUp);
      return undefined;
    case 'end token':
      troubles.endTokens();
      return undefined;
    case 'copies':
      troubles.repeatPushes(order.copies);
      return undefined;
    case 'webhook':
      troubles.cutOffWebhook(order.isDown);
      return undefined;
    case 'push again': {
      const latest = traffic.latestPushOf(order.openid);
      if (!latest) return { refused: 'nothing was pushed yet', status: 409 };
      pushes
        .user(latest.openid, latest.appId)
        .resend(latest)
        .catch(() => undefined);
      return undefined;
    }
    case 'lift all':
      troubles.liftAll();
      return undefined;
  }
}

function addUser({ chats }: Parts, { appId, name }: { appId: string; name: string }) {
  return chats.addUser({ appId, openid: `oPhone_${randomBytes(6).toString('hex')}`, name });
}

function snapshotOf(parts: Parts): Snapshot {
  const { options, accounts, clock, chats, traffic, troubles } = parts;
  return {
    now: clock(),
    accounts: accounts.all.map(({ account: { appId } }) => ({
      appId,
      name: options.accountNames?.[appId] ?? appId,
      menu: menuOf(parts, appId),
    })),
    users: chats.users,
    chats: chats.all,
    pushes: traffic.pushes,
    calls: traffic.calls,
    troubles: troubles.now,
  };
}

/** Once it was made by API, that one: what the API took has a name, a type and its texts. */
function menuOf({ options, accounts, changedMenus }: Parts, appId: string): readonly MenuButton[] {
  if (!changedMenus.has(appId)) return options.menu ?? defaultMenu;
  return (accounts.of(appId).menus.current?.button ?? []) as unknown as readonly MenuButton[];
}
