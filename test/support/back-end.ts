import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { onTestFinished } from 'vitest';

export const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** What a back end was sent. */
export interface BackEndRequest {
  headers: IncomingHttpHeaders;
  /** Verified, and parsed. */
  body: {
    id: string;
    messageId: string;
    requestId: string | null;
    message: { kind: string; openid: string; content: string };
    callback: { url: string; token: string; expiresAt: string } | null;
    // biome-ignore lint/suspicious/noExplicitAny: tests look at all of it
    [name: string]: any;
  };
}

/** A status alone, or with a body that is sent as JSON unless it is text with a type. */
export interface BackEndResponse {
  status: number;
  json?: unknown;
  text?: string;
  headers?: Record<string, string>;
}

export interface TestBackEnd {
  readonly url: string;
  readonly requests: readonly BackEndRequest[];
  /** Of the sockets on which requests came. */
  readonly ports: ReadonlySet<number>;
  readonly server: Server;
  /** What it responds from now on. */
  respond(how: Respond): void;
}

type Respond = (
  request: BackEndRequest,
  response: ServerResponse,
) => BackEndResponse | undefined | Promise<BackEndResponse | undefined>;

/** A real HTTP server that verifies what it is sent as a back end should. */
export async function startBackEnd(respond: Respond, key = secret): Promise<TestBackEnd> {
  let current = respond;
  const requests: BackEndRequest[] = [];
  const ports = new Set<number>();
  const webhook = new Webhook(key);
  const server = createServer(async (request, response) => {
    ports.add(request.socket.remotePort ?? 0);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const { headers } = request;
    let body: BackEndRequest['body'];
    try {
      body = webhook.verify(text, headers as Record<string, string>) as BackEndRequest['body'];
    } catch {
      response.writeHead(401).end('not signed');
      return;
    }
    const got = { headers, body };
    requests.push(got);
    const how = await current(got, response);
    if (!how) return;
    const { status, json, text: plain } = how;
    response.writeHead(status, how.headers);
    response.end(plain ?? (json === undefined ? undefined : JSON.stringify(json)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/reply`,
    requests,
    ports,
    server,
    respond(how) {
      current = how;
    },
  };
}
