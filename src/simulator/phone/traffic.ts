import type { ApiCall } from '../api/exchange.js';
import type { PushResult } from '../pushes/platform.js';
import type { UserAct } from '../pushes/users.js';
import type { CallView, Change, PushView } from './contract.js';
import { nameOfAct } from './from-user.js';

/** The latest pushes and calls of the API, as they go. */
export interface Traffic {
  readonly pushes: readonly PushView[];
  readonly calls: readonly CallView[];
  /** A push begins. */
  acted(act: UserAct): void;
  /** A push is over. False when it is another of one that was over before. */
  pushed(result: PushResult): boolean;
  called(call: ApiCall): void;
  callOver(call: ApiCall): void;
  /** The latest of this user that is over. */
  latestPushOf(openid: string): PushResult | undefined;
}

const most = 100;
const longestBody = 1_000;

export function createTraffic(clock: () => number, onChange: (change: Change) => void): Traffic {
  const pushes: PushView[] = [];
  const calls: CallView[] = [];
  const bodies = new Map<number, string>();
  const names = new Map<string, string>();
  const ids = new Map<ApiCall, number>();
  const results: PushResult[] = [];
  let lastId = 0;

  function putPush(push: PushView): void {
    put(pushes, push);
    onChange({ kind: 'push', push });
  }

  function nextId(): number {
    lastId += 1;
    return lastId;
  }

  function putCall(id: number, call: ApiCall): void {
    const view = viewOf(id, call);
    put(calls, view);
    onChange({ kind: 'call', call: view });
  }

  return {
    pushes,
    calls,
    acted({ at, openid, fields, body }) {
      const id = nextId();
      const what = nameOfAct(fields);
      bodies.set(id, body);
      names.set(body, what);
      trim(names);
      putPush({ id, at, openid, what, isRepeated: false, state: 'under way', tries: [] });
    },
    pushed(result) {
      const { openid, outcome } = result;
      const begun = [...bodies].find(([, body]) => body === result.body)?.[0];
      const known = pushes.find(({ id }) => id === begun);
      if (begun !== undefined) bodies.delete(begun);
      results.push(result);
      if (results.length > most) results.shift();
      const tries = result.tries.map(({ status = null, error = null, ms }) => ({ status, error, ms }));
      putPush({
        id: begun ?? nextId(),
        at: known?.at ?? clock(),
        openid,
        what: names.get(result.body) ?? '',
        isRepeated: begun === undefined,
        state: outcome === 'acknowledged' ? 'acknowledged' : 'failed',
        tries,
      });
      return begun !== undefined;
    },
    called(call) {
      const id = nextId();
      ids.set(call, id);
      trim(ids);
      putCall(id, call);
    },
    callOver(call) {
      const id = ids.get(call);
      ids.delete(call);
      if (id !== undefined) putCall(id, call);
    },
    latestPushOf: (openid) => results.findLast((result) => result.openid === openid),
  };
}

/** Forgets the oldest of too many. */
function trim<Key>(map: Map<Key, unknown>): void {
  if (map.size <= most) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

/** As it is now: what was told before is never changed. */
function put<View extends { id: number }>(views: View[], view: View): void {
  const place = views.findIndex(({ id }) => id === view.id);
  if (place >= 0) views[place] = view;
  else views.push(view);
  if (views.length > most) views.shift();
}

function viewOf(id: number, { at, path, openid, finishedAt, httpStatus, errcode, body }: ApiCall): CallView {
  return {
    id,
    at,
    path,
    openid: openid ?? null,
    ms: finishedAt === undefined ? null : finishedAt - at,
    httpStatus: httpStatus ?? null,
    errcode: errcode ?? null,
    body: body.slice(0, longestBody).replace(/("secret"\s*:\s*")[^"]*/g, '$1***'),
  };
}
