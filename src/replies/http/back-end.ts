import { Agent, type Dispatcher } from 'undici';
import { createAddressGuard, PrivateAddressError } from '../../lib/address-guard.js';
import { describeError } from '../../lib/describe-error.js';
import { createProxyAgent, type Proxies } from '../../lib/proxies.js';

/** What came of asking a back end. */
export type BackEndOutcome =
  | { kind: 'response'; status: number; retryAfter: string | undefined; body: string }
  /** There was no response, or none that could be read; `isFinal`: asking again does not help. */
  | { kind: 'failure'; problem: string; isFinal: boolean };

export interface BackEnd {
  post(headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<BackEndOutcome>;
  close(): Promise<void>;
}

export interface BackEndOptions {
  url: URL;
  /** From the call to the end of the response. */
  timeoutMs: number;
  allowPrivateAddresses: boolean;
  proxies: Proxies | undefined;
}

/** Of a response: a reply has 65,536 bytes of text at most, and is no longer than this in whatever form. */
const maxResponseBytes = 256 * 1_024;

/** As many as REPLY_CONCURRENCY commonly lets through, and some more. */
const connections = 256;

/** Below what servers commonly allow (5 s): they must not close a connection that is about to be used. */
const keepAliveMs = 4_000;

/** A connection that was kept may be gone when it is used. Asking again is safe: a message has one id. */
const goneCodes = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

export function createBackEnd({ url, timeoutMs, allowPrivateAddresses, proxies }: BackEndOptions): BackEnd {
  const setting = 'REPLIES_HTTP_PRIVATE';
  const guard = createAddressGuard({ allowPrivateAddresses, setting, timeoutMs, proxies });
  const options: Agent.Options = {
    connections,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: keepAliveMs,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: guard.connect,
  };
  const agent = proxies
    ? createProxyAgent(proxies, { ...options, connectTimeoutMs: timeoutMs, tunnelsHttp: false })
    : new Agent(options);
  const { origin, pathname, search } = url;
  const own = { 'content-type': 'application/json; charset=utf-8', ...authorizationOf(url) };

  async function once(
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<BackEndOutcome> {
    await guard.checkBeforeProxy(url);
    const response = await agent.request({
      ...{ origin, path: pathname + search, method: 'POST', body, signal },
      headers: { ...own, ...headers },
    });
    const text = await readText(response.body);
    if (text === undefined)
      return {
        kind: 'failure',
        problem: `its response is longer than ${maxResponseBytes.toLocaleString('en')} bytes`,
        isFinal: true,
      };
    const retryAfter = response.headers['retry-after'];
    return {
      kind: 'response',
      status: response.statusCode,
      retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
      body: text,
    };
  }

  return {
    async post(headers, body, signal) {
      const limit = createLimit(timeoutMs, signal);
      try {
        return await once(headers, body, limit.signal).catch((error) => {
          if (!goneCodes.has(codeOf(error)) || limit.signal.aborted) throw error;
          return once(headers, body, limit.signal);
        });
      } catch (error) {
        // The reply logic's own time is over, or the process stops.
        if (signal.aborted) throw signal.reason;
        if (limit.isOver())
          return { kind: 'failure', problem: `it took longer than ${timeoutMs} ms`, isFinal: false };
        return {
          kind: 'failure',
          problem: describeFailure(error),
          isFinal: error instanceof PrivateAddressError,
        };
      } finally {
        limit.end();
      }
    },
    close: () => agent.destroy(),
  };
}

/** By hand, so that nothing is left of it when the call ends. */
function createLimit(timeoutMs: number, outer: AbortSignal) {
  const controller = new AbortController();
  let isOver = false;
  const onAbort = () => controller.abort(outer.reason);
  const timer = setTimeout(() => {
    isOver = true;
    controller.abort(new DOMException('time is up', 'TimeoutError'));
  }, timeoutMs);
  if (outer.aborted) onAbort();
  outer.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    isOver: () => isOver,
    end() {
      clearTimeout(timer);
      outer.removeEventListener('abort', onAbort);
    },
  };
}

/** @returns undefined for one that is too long: it is read no further */
async function readText(body: Dispatcher.ResponseData['body']): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop ends the body, and its connection.
    if (bytes > maxResponseBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function authorizationOf({ username, password }: URL): { authorization?: string } {
  if (username === '' && password === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function describeFailure(error: unknown): string {
  const code = codeOf(error);
  const problem = describeError(error);
  return code === '' || problem.includes(code) || error instanceof PrivateAddressError
    ? problem
    : `${code}: ${problem}`;
}
