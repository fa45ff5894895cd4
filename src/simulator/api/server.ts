import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { refusal } from '../state/refusal.js';
import { type ApiCall, cut, type Exchange, respondWith } from './exchange.js';
import type { Fault, FaultSource, FinalFault } from './faults.js';
import { type ApiRequest, isObject, readBody } from './request.js';
import type { Routes } from './routes.js';

export interface ApiDependencies {
  port: number;
  routes: Routes;
  faults: FaultSource;
  clock: () => number;
  /** The account that an access token was handed out to. */
  ownerOf(accessToken: string): string | undefined;
  /** Told when the request is read, before it is carried out; the record is completed later. */
  onCall(call: ApiCall): void;
  /** Told when the record is complete; never of a call that hangs. */
  onCallOver(call: ApiCall): void;
  /** What else is served here, beside the API, and is no call of it. */
  pages: Pages | undefined;
}

export interface Pages {
  /** Whether a path is theirs. */
  has(path: string): boolean;
  respond(incoming: IncomingMessage, response: ServerResponse): Promise<void>;
}

export interface ApiServer {
  readonly base: string;
  /** Breaks off every call, delayed ones included: nothing is delivered afterwards. */
  close(): Promise<void>;
}

/** Longer than any client keeps a connection: it must not be closed under a request on its way. */
const keepAliveMs = 65_000;

/** The API side of WeChat on loopback. */
export async function startApi({
  port,
  routes,
  faults,
  clock,
  ownerOf,
  onCall,
  onCallOver,
  pages,
}: ApiDependencies): Promise<ApiServer> {
  const closing = new AbortController();
  // One listener for each delayed call; Node warns from eleven on.
  setMaxListeners(0, closing.signal);

  async function respond(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers, method = 'GET' } = incoming;
    const { pathname: path, searchParams: query } = new URL(incoming.url ?? '/', 'http://simulator');
    if (pages?.has(path)) return pages.respond(incoming, response);
    const body = await readBody(await readBytes(incoming), headers['content-type']);
    const named = isObject(body.json) ? body.json : {};
    const openid = text(named.touser);
    const appId = ownerOf(query.get('access_token') ?? '');
    const call: ApiCall = { at: clock(), path, appId, openid, body: body.text, responded: false };
    onCall(call);
    const request: ApiRequest = { method, path, host: headers.host ?? '127.0.0.1', query, body };
    const exchange: Exchange = { request, response, call };
    const fault = faults.next({ path, openid, appId: appId ?? text(named.appid ?? query.get('appid')) });
    const ending = fault && (await endingOf(fault));
    if (ending) strike(ending, exchange);
    else respondWith(exchange, routes(request), clock());
    if (call.finishedAt !== undefined) onCallOver(call);
  }

  /** Sits out the delays; undefined when the call then goes on as if nothing had been. */
  async function endingOf(fault: Fault): Promise<FinalFault | undefined> {
    let current: Fault | undefined = fault;
    while (current && 'delayMs' in current) {
      await sleep(current.delayMs, undefined, { signal: closing.signal });
      current = current.followedBy;
    }
    return current;
  }

  function strike(fault: FinalFault, exchange: Exchange): void {
    if ('hang' in fault) return;
    if ('reset' in fault) {
      if (fault.reset === 'after') routes(exchange.request);
      cut(exchange, clock());
    } else if ('errcode' in fault) {
      const { errcode, errmsg } = fault;
      respondWith(exchange, { json: errmsg === undefined ? refusal(errcode) : { errcode, errmsg } }, clock());
    } else {
      respondWith(exchange, fault, clock());
    }
  }

  const server = createServer((incoming, response) => {
    respond(incoming, response).catch((error: unknown) => {
      if (closing.signal.aborted || response.destroyed || response.headersSent) response.destroy();
      // A mistake of the simulator's own must not look like a scripted fault.
      else response.writeHead(500).end(`the simulator failed: ${String(error)}`);
    });
  });
  server.keepAliveTimeout = keepAliveMs;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

async function readBytes(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
