import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the stub does with one call. */
export type ModelBehaviour =
  /** Streams this text, in pieces with a pause between. */
  | {
      kind: 'answer';
      text: string;
      pauseMs?: number;
      usage?: { prompt: number; completion: number } | undefined;
      finishReason?: string;
    }
  | { kind: 'tools'; calls: readonly { id: string; name: string; arguments: string }[] }
  /** Streams some of it, and then nothing more. */
  | { kind: 'stall' }
  /** Streams some of it, and then destroys the connection. */
  | { kind: 'break' }
  /** Streams some of it, and ends in good order without having finished. */
  | { kind: 'end early' }
  | { kind: 'status'; status: number; message?: string; retryAfter?: string }
  /** A page in HTML. */
  | { kind: 'nonsense' }
  /** A stream of events that are no JSON. */
  | { kind: 'garbage' };

export interface ModelCall {
  /** The last thing that the user said: what tells messages apart. */
  asked: string;
  /** The whole request. */
  body: {
    model: string;
    messages: { role: string; content: unknown; tool_calls?: unknown; tool_call_id?: string }[];
    tools?: unknown[];
    [name: string]: unknown;
  };
  authorization: string | undefined;
  /** Its response was sent to the end. */
  isCompleted: boolean;
}

export interface ModelStub {
  /** For `baseUrl`. */
  baseUrl: string;
  calls: readonly ModelCall[];
  /** How many calls about this were answered to the end. */
  completed(asked: string): number;
  /** From now on. */
  behave(behaviour: ModelBehaviour | ((call: ModelCall) => ModelBehaviour)): void;
  close(): Promise<void>;
}

export interface ModelStubOptions {
  port?: number;
  /** Told when a call begins, and when its response was sent to the end. */
  onCall?(what: 'began' | 'completed', call: ModelCall): void;
}

/** A server that speaks as OpenAI's chat completions do, streaming, and does wrong what it is told to. */
export async function startModelStub({ port = 0, onCall }: ModelStubOptions = {}): Promise<ModelStub> {
  const calls: ModelCall[] = [];
  let choose: (call: ModelCall) => ModelBehaviour = ({ asked }) => ({ kind: 'answer', text: `回：${asked}` });

  const server = createServer(async (request, response) => {
    response.on('error', () => undefined);
    if (request.method !== 'POST' || !request.url?.endsWith('/v1/chat/completions')) {
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"error":{"message":"no such path"}}');
      return;
    }
    const body = JSON.parse(await textOf(request)) as ModelCall['body'];
    const asked = String(body.messages.findLast(({ role }) => role === 'user')?.content ?? '');
    const call: ModelCall = { asked, body, authorization: request.headers.authorization, isCompleted: false };
    calls.push(call);
    onCall?.('began', call);
    response.on('finish', () => {
      if (response.statusCode !== 200 || !response.hasHeader('x-completes')) return;
      call.isCompleted = true;
      onCall?.('completed', call);
    });
    await respond(response, choose(call), call).catch(() => response.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls,
    completed: (asked) => calls.filter((call) => call.asked === asked && call.isCompleted).length,
    behave(behaviour) {
      choose = typeof behaviour === 'function' ? behaviour : () => behaviour;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function respond(response: ServerResponse, behaviour: ModelBehaviour, call: ModelCall): Promise<void> {
  if (behaviour.kind === 'status') {
    const { status, message = 'stub', retryAfter } = behaviour;
    response
      .writeHead(status, {
        'content-type': 'application/json',
        ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
      })
      .end(JSON.stringify({ error: { message, type: 'stub' } }));
    return;
  }
  if (behaviour.kind === 'nonsense') {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>Welcome!</body></html>');
    return;
  }
  response.setHeader('content-type', 'text/event-stream');
  if (behaviour.kind === 'answer' || behaviour.kind === 'tools') response.setHeader('x-completes', '1');
  const event = (data: unknown) =>
    response.write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
  const delta = (content: object, finish: string | null = null) =>
    event({
      ...{ id: 'c1', object: 'chat.completion.chunk', created: 1, model: call.body.model },
      choices: [{ index: 0, delta: content, finish_reason: finish }],
    });
  switch (behaviour.kind) {
    case 'garbage':
      event('{ this is no JSON');
      response.end();
      return;
    case 'stall':
      delta({ role: 'assistant', content: '我想' });
      return;
    case 'break':
      delta({ role: 'assistant', content: '我想' });
      await sleep(20);
      response.destroy();
      return;
    case 'end early':
      delta({ role: 'assistant', content: '我想' });
      response.end();
      return;
    case 'tools':
      delta({
        role: 'assistant',
        tool_calls: behaviour.calls.map(({ id, ...one }, index) => ({
          index,
          id,
          type: 'function',
          function: one,
        })),
      });
      delta({}, 'tool_calls');
      break;
    case 'answer':
      for (const piece of behaviour.text.match(/[\s\S]{1,20}/g) ?? []) {
        delta({ role: 'assistant', content: piece });
        if (behaviour.pauseMs) await sleep(behaviour.pauseMs);
      }
      delta({}, behaviour.finishReason ?? 'stop');
      break;
  }
  const usage =
    behaviour.kind === 'answer' && 'usage' in behaviour ? behaviour.usage : { prompt: 100, completion: 20 };
  if (usage) {
    const { prompt, completion } = usage;
    event({
      ...{ id: 'c1', object: 'chat.completion.chunk', created: 1, model: call.body.model, choices: [] },
      usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
    });
  }
  event('[DONE]');
  response.end();
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** As a process of its own, to be killed; what it did is in a file, a line each. */
if (process.argv[1] === import.meta.filename && process.env.STUB_FILE !== undefined) {
  const { STUB_PORT = '0', STUB_FILE, STUB_PAUSE_MS = '0' } = process.env;
  const stub = await startModelStub({
    port: Number(STUB_PORT),
    onCall: (what, { asked }) => appendFileSync(STUB_FILE, `${what} ${asked}\n`),
  });
  stub.behave(({ asked }) => ({
    kind: 'answer',
    text: `回：${asked}，想好了再说，慢慢地一段一段写出来。这样可以吗？`,
    pauseMs: Number(STUB_PAUSE_MS),
  }));
  console.log(JSON.stringify({ event: 'started', baseUrl: stub.baseUrl }));
}
