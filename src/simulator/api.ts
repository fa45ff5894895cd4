import { isUtf8 } from 'node:buffer';
import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, refusal } from './answers.js';
import type { Fault, FaultSource, FinalFault } from './faults.js';
import type { ApiRequest, Routes } from './routes.js';
import type { RequestBody } from './send.js';
import type { ApiCall } from './types.js';

export interface ApiDependencies {
  port: number;
  routes: Routes;
  faults: FaultSource;
  clock: () => number;
  /** Told when the request is read, before it is carried out; the record is completed later. */
  onCall(call: ApiCall): void;
}

export interface ApiServer {
  readonly base: string;
  /** Breaks off every call, delayed ones included: nothing is delivered afterwards. */
  close(): Promise<void>;
}

/** A call under way. */
interface Exchange {
  request: ApiRequest;
  response: ServerResponse;
  call: ApiCall;
}

/** Longer than any client keeps a connection: it must not be closed under a request on its way. */
const keepAliveMs = 65_000;

/** The API side of WeChat on loopback. */
export async function startApi({ port, routes, faults, clock, onCall }: ApiDependencies): Promise<ApiServer> {
  const closing = new AbortController();
  // One listener for each delayed call; Node warns from eleven on.
  setMaxListeners(0, closing.signal);

  async function respond(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = readJson(await readBytes(incoming));
    const { pathname: path, searchParams: query } = new URL(incoming.url ?? '/', 'http://simulator');
    const call: ApiCall = { at: clock(), path, openid: openidOf(body), body: body.text, answered: false };
    onCall(call);
    const request: ApiRequest = { method: incoming.method ?? 'GET', path, query, body };
    const exchange: Exchange = { request, response, call };
    const fault = faults.next(path, call.openid);
    const ending = fault && (await endingOf(fault));
    if (ending) strike(ending, exchange);
    else answer(exchange, routes(request));
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
    const { request, response, call } = exchange;
    if ('hang' in fault) return;
    if ('reset' in fault) {
      if (fault.reset === 'after') routes(request);
      call.finishedAt = clock();
      response.socket?.resetAndDestroy();
    } else if ('httpStatus' in fault) {
      write(exchange, fault.httpStatus, 'text/plain', `HTTP ${fault.httpStatus}`);
    } else if ('malformed' in fault) {
      write(exchange, 200, 'text/plain', fault.malformed);
    } else {
      const { errcode, errmsg } = fault;
      answer(exchange, errmsg === undefined ? { ...refusal(errcode) } : { errcode, errmsg });
    }
  }

  function answer(exchange: Exchange, content: Answer): void {
    // Tokens come without an errcode.
    const errcode = typeof content.errcode === 'number' ? content.errcode : 0;
    if (write(exchange, 200, 'application/json; encoding=utf-8', JSON.stringify(content))) {
      exchange.call.errcode = errcode;
    }
  }

  /** False when the caller has left, and nobody hears the answer. */
  function write({ response, call }: Exchange, status: number, type: string, text: string): boolean {
    call.finishedAt = clock();
    if (response.destroyed) return false;
    call.httpStatus = status;
    call.answered = true;
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
    response.end(text);
    return true;
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

function readJson(bytes: Buffer): RequestBody {
  const text = bytes.toString('utf8');
  try {
    return { text, isUtf8: isUtf8(bytes), json: JSON.parse(text) };
  } catch {
    return { text, isUtf8: isUtf8(bytes), json: undefined };
  }
}

function openidOf({ json }: RequestBody): string | undefined {
  if (typeof json !== 'object' || json === null || !('touser' in json)) return undefined;
  return typeof json.touser === 'string' ? json.touser : undefined;
}
