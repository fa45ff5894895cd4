import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Plugin } from 'vite';
import { may, type Role, rights, roles } from '../../contract/rights.js';
import type { SessionView, SignInRequest } from '../../contract/session.js';
import { conversationRoutes, onConversationEvent } from './conversations.js';
import { figureRoutes } from './figures.js';
import { historyRoutes } from './history.js';
import { overviewRoutes } from './overview.js';
import type { Answer, FakeRoutes } from './routes.js';
import { ruleRoutes } from './rules.js';

const routes: FakeRoutes = {
  ...overviewRoutes,
  ...historyRoutes,
  ...conversationRoutes,
  ...figureRoutes,
  ...ruleRoutes,
};

/** Answers below `api/` where CONSOLE_FAKE_API is not `off`, in `vite` and in `vite preview`. */
export function fakeApi(): Plugin {
  const middleware = createMiddleware();
  const install = (server: { middlewares: { use(handle: typeof middleware): unknown } }) => {
    if (process.env.CONSOLE_FAKE_API !== 'off') server.middlewares.use(middleware);
  };
  return { name: 'console-fake-api', configureServer: install, configurePreviewServer: install };
}

function createMiddleware() {
  const who = { role: 'admin' as Role | 'nobody' };

  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const url = new URL(request.url ?? '/', 'http://fake');
    const as = url.searchParams.get('as');
    who.role = as === 'nobody' ? as : (roles.find((role) => role === as) ?? who.role);
    const at = url.pathname.indexOf('/api/');
    const path = url.pathname.slice(at + '/api/'.length);
    if (at < 0) next();
    else if (path === 'live') stream(response, url.searchParams.has('conversations'));
    else {
      void readBody(request).then((body) => {
        const answered =
          ofSession(who, `${request.method} ${path}`, body) ??
          answer(request.method ?? 'GET', path, url.searchParams, body);
        reply(response, answered);
      });
    }
  };
}

function ofSession(who: { role: Role | 'nobody' }, asked: string, body: string): Answer | undefined {
  if (asked === 'GET session') return { status: 200, body: sessionOf(who.role) };
  if (asked === 'POST sign-out') {
    who.role = 'nobody';
    return { status: 204 };
  }
  if (asked === 'POST password') return { status: 204 };
  if (asked !== 'POST sign-in') return undefined;
  const { name, password } = JSON.parse(body) as SignInRequest;
  if (password === 'slow')
    return { status: 429, body: { error: 'too_many', message: '', retryAfterSeconds: 30 } };
  if (password !== 'right') return { status: 401, body: { error: 'wrong', message: '' } };
  who.role = roles.find((role) => role === name) ?? 'admin';
  return { status: 204 };
}

/** Routes are `GET messages/:id`; a part that begins with a colon matches anything and is handed over. */
function answer(method: string, path: string, query: URLSearchParams, body: string): Answer {
  const parts = path.split('/').map(decodeURIComponent);
  for (const [route, respond] of Object.entries(routes)) {
    const [verb, pattern = ''] = route.split(' ');
    const wanted = pattern.split('/');
    if (verb !== method || wanted.length !== parts.length) continue;
    if (!wanted.every((part, at) => part.startsWith(':') || part === parts[at])) continue;
    const values = parts.filter((_, at) => wanted[at]?.startsWith(':'));
    return respond({ values, query, body });
  }
  return { status: 404, body: { error: 'not_found', message: `no such thing: ${method} ${path}` } };
}

function stream(response: ServerResponse, conversations: boolean): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const send = () => {
    const { body } = overviewRoutes['GET now']();
    response.write(`event: now\ndata: ${JSON.stringify(body)}\n\n`);
  };
  send();
  const timer = setInterval(send, 2_000);
  const forget = conversations
    ? onConversationEvent((event) => {
        response.write(`event: conversation\ndata: ${JSON.stringify(event)}\n\n`);
      })
    : undefined;
  response.on('close', () => {
    clearInterval(timer);
    forget?.();
  });
}

function reply(response: ServerResponse, { status, body, file }: Answer): void {
  if (file) {
    response.writeHead(status, { 'content-type': file.type });
    response.end(file.bytes);
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function sessionOf(role: Role | 'nobody'): SessionView {
  const user =
    role === 'nobody'
      ? null
      : {
          name: 'li.lei',
          displayName: '李雷 <b>Lei</b>',
          role,
          rights: rights.filter((right) => may(role, right)),
          via: 'password' as const,
        };
  return {
    user,
    csrf: user ? 'fake' : null,
    signIn: { password: true, oidc: { title: '企业微信', path: 'oidc' }, header: false },
    accounts: [
      { appId: 'wx1234567890abcdef', name: '小花园艺' },
      { appId: 'wxfedcba0987654321', name: 'A shop <script>alert(1)</script> with a very long name indeed' },
    ],
    version: '0.1.0',
  };
}
