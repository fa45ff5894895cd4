import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describeMessage } from './describe.js';
import { type Fault, type Faults, sendPath } from './faults.js';
import { admit, parseSend, type SendAnswer } from './send.js';
import type { Tokens } from './tokens.js';
import type { ApiCall, DeliveredMessage } from './types.js';
import type { Windows } from './windows.js';

export interface ApiDependencies {
  port: number;
  tokens: Tokens;
  windows: Windows;
  followers: { isGone(openid: string): boolean };
  faults: Faults;
  clock: () => number;
  onCall(call: ApiCall): void;
  onDelivered(message: Omit<DeliveredMessage, 'sequence'>): void;
}

export interface ApiServer {
  readonly base: string;
  close(): Promise<void>;
}

type Answer = Record<string, unknown>;

/** The API side of WeChat on loopback. */
export async function startApi(dependencies: ApiDependencies): Promise<ApiServer> {
  const { tokens, windows, followers, faults, clock, onCall, onDelivered } = dependencies;

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://simulator');
    const body = await readBody(request);
    const openid = openidOf(body);
    const call: ApiCall = { at: clock(), path: url.pathname, openid, body, answered: false };
    onCall(call);
    const fault = faults.next(url.pathname, openid);
    if (fault && (await strike(fault, call, url, response))) return;
    reply(call, response, 200, carryOut(call, url));
  }

  /** True when the call is over; false when it goes on as if nothing had been. */
  async function strike(fault: Fault, call: ApiCall, url: URL, response: ServerResponse): Promise<boolean> {
    if ('delayMs' in fault) {
      await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
      return false;
    }
    if ('hang' in fault) return true;
    if ('reset' in fault) {
      if (fault.reset === 'after') carryOut(call, url);
      response.socket?.resetAndDestroy();
      return true;
    }
    if ('httpStatus' in fault) {
      reply(call, response, fault.httpStatus, 'Bad Gateway');
      return true;
    }
    if ('malformed' in fault) {
      reply(call, response, 200, fault.malformed);
      return true;
    }
    reply(call, response, 200, { errcode: fault.errcode, errmsg: fault.errmsg ?? 'simulated' });
    return true;
  }

  function carryOut(call: ApiCall, url: URL): Answer {
    switch (call.path) {
      case '/cgi-bin/token':
        return tokens.classic({
          appid: url.searchParams.get('appid'),
          secret: url.searchParams.get('secret'),
        });
      case '/cgi-bin/stable_token':
        return tokens.stable(asObject(call.body));
      case sendPath:
        return send(call, url);
      case '/cgi-bin/clear_quota':
        return { errcode: 0, errmsg: 'ok' };
      default:
        return { errcode: 40066, errmsg: 'invalid url' };
    }
  }

  function send(call: ApiCall, url: URL): Answer {
    const token = tokens.check(url.searchParams.get('access_token'));
    if (!token.ok) return token;
    const parsed = parseSend(call.body);
    if (!parsed.ok) return withRid(parsed.answer);
    const { touser, msgtype, body } = parsed.request;
    const verdict = admit(touser, followers, windows);
    if (verdict.errcode === 0) {
      onDelivered({ at: clock(), openid: touser, msgtype, body, text: describeMessage(msgtype, body) });
    }
    return withRid(verdict);
  }

  function reply(call: ApiCall, response: ServerResponse, status: number, answer: Answer | string): void {
    const text = typeof answer === 'string' ? answer : JSON.stringify(withoutOk(answer));
    call.httpStatus = status;
    if (typeof answer === 'object') call.errcode = typeof answer.errcode === 'number' ? answer.errcode : 0;
    call.answered = true;
    response.writeHead(status, {
      'content-type': 'application/json; encoding=utf-8',
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  }

  const server = createServer((request, response) => {
    respond(request, response).catch(() => response.socket?.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(dependencies.port, '127.0.0.1', resolve);
  });
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function asObject(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function openidOf(body: string): string | undefined {
  const { touser } = asObject(body);
  return typeof touser === 'string' ? touser : undefined;
}

/** WeChat ends an errmsg with an id that its support asks for. */
function withRid({ errcode, errmsg }: SendAnswer): Answer {
  return { errcode, errmsg: errcode === 0 ? errmsg : `${errmsg} rid: ${randomUUID().slice(0, 8)}` };
}

/** `ok` is how tokens.check says yes to us; it is not part of any answer. */
function withoutOk({ ok: _, ...answer }: Answer): Answer {
  return answer;
}
