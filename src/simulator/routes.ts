import type { Accounts } from './accounts.js';
import { type Answer, done, refusal } from './answers.js';
import { describeMessage } from './describe.js';
import { sendPath } from './faults.js';
import { admit, parseSend, type RequestBody } from './send.js';
import type { Tokens } from './tokens.js';
import type { DeliveredMessage } from './types.js';

export interface ApiRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  body: RequestBody;
}

export interface RouteDependencies {
  accounts: Accounts;
  tokens: Tokens;
  clock: () => number;
  deliver(message: Omit<DeliveredMessage, 'sequence'>): void;
}

/** Carries out a call of the API, and says what to answer. */
export type Routes = (request: ApiRequest) => Answer;

export function createRoutes({ accounts, tokens, clock, deliver }: RouteDependencies): Routes {
  const routes: ReadonlyMap<string, Routes> = new Map<string, Routes>([
    ['/cgi-bin/token', ({ query }) => tokens.classic(Object.fromEntries(query))],
    ['/cgi-bin/stable_token', posted(stableToken)],
    [sendPath, posted(send)],
    ['/cgi-bin/clear_quota', posted(clearQuota)],
  ]);

  function stableToken({ body: { json } }: ApiRequest): Answer {
    return typeof json === 'object' && json !== null ? tokens.stable(json) : { ...refusal(47001) };
  }

  function send({ query, body }: ApiRequest): Answer {
    const token = tokens.check(query.get('access_token'));
    if (!token.ok) return { ...token.refusal };
    const parsed = parseSend(body);
    if ('errcode' in parsed) return { ...refusal(parsed.errcode) };
    const account = accounts.get(token.appId);
    const errcode = account ? admit(parsed.touser, account) : 40013;
    if (errcode !== undefined) return { ...refusal(errcode) };
    deliver({
      at: clock(),
      openid: parsed.touser,
      msgtype: parsed.msgtype,
      body: parsed.body,
      text: describeMessage(parsed.msgtype, parsed.body),
    });
    return done;
  }

  /** The simulator keeps no quota of sends that it could clear. */
  function clearQuota({ query, body: { json } }: ApiRequest): Answer {
    const token = tokens.check(query.get('access_token'));
    if (!token.ok) return { ...token.refusal };
    const appId = typeof json === 'object' && json !== null && 'appid' in json ? json.appid : undefined;
    return appId === token.appId ? done : { ...refusal(40013) };
  }

  return (request) => routes.get(request.path)?.(request) ?? { ...refusal(40066) };
}

function posted(route: Routes): Routes {
  return (request) => (request.method === 'POST' ? route(request) : { ...refusal(43002) });
}
