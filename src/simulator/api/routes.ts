import type { AccountState, Accounts } from '../state/accounts.js';
import type { DeliveredMessage } from '../state/deliveries.js';
import type { Media } from '../state/media.js';
import type { Tickets } from '../state/tickets.js';
import type { Tokens } from '../state/tokens.js';
import { isTypingCommand, type TypingSignal } from '../state/typing.js';
import { accountRoutes } from './account-routes.js';
import { describeMessage } from './describe.js';
import { sendPath } from './faults.js';
import { createMediaRoutes, videoPath } from './media-routes.js';
import { menuRoutes } from './menu-routes.js';
import { type ApiRequest, isFilled, isObject } from './request.js';
import { type ApiResponse, done, refuse } from './responses.js';
import { admit, mediaIdsOf, parseSend } from './send.js';
import { createSessionRoutes, type SessionChange } from './session-routes.js';

export interface RouteDependencies {
  accounts: Accounts;
  tokens: Tokens;
  tickets: Tickets;
  media: Media;
  clock: () => number;
  deliver(message: Omit<DeliveredMessage, 'sequence'>): void;
  onTyping(signal: TypingSignal): void;
  onSession(change: SessionChange): void;
}

/** Carries out a call of the API, and says what the response is. */
export type Routes = (request: ApiRequest) => ApiResponse;

/** A call with an access token, for the account that the token belongs to. */
type AccountRoute = (account: AccountState, request: ApiRequest) => ApiResponse;

type PathOfAccount = readonly [path: string, restrict: (route: Routes) => Routes, route: AccountRoute];

const onAccounts: readonly PathOfAccount[] = [
  ['/cgi-bin/getcallbackip', got, () => ({ json: { ip_list: ['127.0.0.1'] } })],
  ['/cgi-bin/clear_quota', posted, accountRoutes.clearQuota],
  ['/cgi-bin/openapi/quota/get', posted, accountRoutes.quota],
  ['/cgi-bin/user/info', got, accountRoutes.user],
  ['/cgi-bin/get_current_autoreply_info', got, accountRoutes.autoReplies],
  ['/cgi-bin/get_current_selfmenu_info', got, menuRoutes.selfMenu],
  ['/cgi-bin/menu/create', posted, menuRoutes.create],
  ['/cgi-bin/menu/get', got, menuRoutes.get],
  ['/cgi-bin/menu/delete', got, menuRoutes.delete],
  ['/cgi-bin/menu/addconditional', posted, menuRoutes.addConditional],
  ['/cgi-bin/menu/delconditional', posted, menuRoutes.delConditional],
  ['/cgi-bin/menu/trymatch', posted, menuRoutes.tryMatch],
];

const onSessions = (routes: ReturnType<typeof createSessionRoutes>): readonly PathOfAccount[] => [
  ['/customservice/kfsession/create', posted, routes.create],
  ['/customservice/kfsession/close', posted, routes.close],
  ['/customservice/kfsession/getsession', got, routes.get],
];

export function createRoutes(dependencies: RouteDependencies): Routes {
  const { accounts, tokens, tickets, media, clock, deliver, onTyping, onSession } = dependencies;
  const mediaRoutes = createMediaRoutes(media);
  const routes: ReadonlyMap<string, Routes> = new Map<string, Routes>([
    ['/cgi-bin/token', ({ query }) => ({ json: tokens.classic(Object.fromEntries(query)) })],
    ['/cgi-bin/stable_token', posted(stableToken)],
    [sendPath, posted(authorized(send))],
    ['/cgi-bin/message/custom/typing', posted(authorized(typing))],
    ['/cgi-bin/media/upload', posted(authorized(mediaRoutes.upload))],
    ['/cgi-bin/media/get', got(authorized(mediaRoutes.download))],
    [videoPath, got(mediaRoutes.video)],
    ['/cgi-bin/ticket/getticket', got(authorized(ticket))],
    ...[...onAccounts, ...onSessions(createSessionRoutes(onSession))].map(
      ([path, restrict, route]) => [path, restrict(authorized(route))] as const,
    ),
  ]);

  function authorized(route: AccountRoute): Routes {
    return (request) => {
      const token = tokens.check(request.query.get('access_token'));
      if (!token.ok) return { json: token.refusal };
      const account = accounts.of(token.appId);
      account.apiUse.add(request.path);
      return route(account, request);
    };
  }

  function stableToken({ body: { json } }: ApiRequest): ApiResponse {
    return typeof json === 'object' && json !== null ? { json: tokens.stable(json) } : refuse(47001);
  }

  function send(account: AccountState, { body }: ApiRequest): ApiResponse {
    const { appId } = account.account;
    const overQuota = account.quota.count();
    if (overQuota !== undefined) return refuse(overQuota);
    const parsed = parseSend(body);
    if ('errcode' in parsed) return refuse(parsed.errcode);
    if (!mediaIdsOf(parsed).every((mediaId) => media.mayBeSent(mediaId, appId))) return refuse(40007);
    const { touser, msgtype } = parsed;
    const errcode = admit(touser, account);
    if (errcode !== undefined) return refuse(errcode);
    account.typing.received(touser);
    deliver({
      at: clock(),
      appId,
      openid: touser,
      msgtype,
      body: parsed.body,
      text: describeMessage(msgtype, parsed.body),
    });
    return { json: done };
  }

  function typing(account: AccountState, { body: { text, json } }: ApiRequest): ApiResponse {
    if (!isObject(json)) return refuse(text === '' ? 44002 : 47001);
    const { touser: openid, command } = json;
    if (!isFilled(openid)) return refuse(40003);
    if (!isTypingCommand(command)) return refuse(45072);
    const errcode = account.typing.show(openid, command);
    if (errcode !== undefined) return refuse(errcode);
    onTyping({ at: clock(), appId: account.account.appId, openid, command });
    return { json: done };
  }

  function ticket({ account: { appId } }: AccountState, { query }: ApiRequest): ApiResponse {
    return query.get('type') === 'jsapi' ? { json: { ...done, ...tickets.jsapi(appId) } } : refuse(40097);
  }

  return (request) => routes.get(request.path)?.(request) ?? refuse(40066);
}

function posted(route: Routes): Routes {
  return (request) => (request.method === 'POST' ? route(request) : refuse(43002));
}

function got(route: Routes): Routes {
  return (request) => (request.method === 'GET' ? route(request) : refuse(43001));
}
