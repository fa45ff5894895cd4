import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Pages } from '../api/server.js';
import type { KeptMedia } from '../state/media.js';
import type { ActionRequest, PhoneUser, Snapshot, Trouble } from './contract.js';
import type { Files } from './files.js';
import { refusalOf, securityHeaders } from './guard.js';
import { actionRequest, newUser, pictureQuery, trouble } from './schema.js';
import type { Stream } from './stream.js';

/** What the routes do. An answer is a value, or an `ApiRefusal` with its status. */
export interface PhoneActions {
  snapshot(): Snapshot;
  addUser(user: { appId: string; name: string }): PhoneUser | ApiRefusal;
  act(request: ActionRequest): ApiRefusal | undefined;
  sendPicture(
    picture: { appId: string; openid: string; key: string },
    bytes: Buffer,
    host: string,
  ): ApiRefusal | undefined;
  trouble(trouble: Trouble): ApiRefusal | undefined;
  media(mediaId: string): KeptMedia | undefined;
}

export interface ApiRefusal {
  refused: string;
  status: 400 | 404 | 409 | 413;
}

export interface RoutesOptions {
  actions: PhoneActions;
  files: Files;
  stream: Stream;
}

const root = '/phone';
const mostJsonBytes = 100_000;
const mostPictureBytes = 11 * 1_024 * 1_024;

export function createPhoneRoutes({ actions, files, stream }: RoutesOptions): Pages {
  async function post(name: string, incoming: IncomingMessage, query: URLSearchParams): Promise<unknown> {
    if (name === 'api/pictures') {
      const picture = pictureQuery.safeParse(Object.fromEntries(query));
      if (!picture.success) return { refused: z.prettifyError(picture.error), status: 400 };
      const bytes = await read(incoming, mostPictureBytes);
      if (!bytes) return { refused: 'the picture is too large', status: 413 };
      return actions.sendPicture(picture.data, bytes, incoming.headers.host ?? '');
    }
    const bytes = await read(incoming, mostJsonBytes);
    if (!bytes) return { refused: 'too much', status: 413 };
    switch (name) {
      case 'api/users':
        return parsed(newUser, bytes, actions.addUser);
      case 'api/actions':
        return parsed(actionRequest, bytes, actions.act);
      case 'api/troubles':
        return parsed(trouble, bytes, actions.trouble);
      default:
        return { refused: 'not found', status: 404 };
    }
  }

  async function get(name: string, response: ServerResponse, query: URLSearchParams): Promise<void> {
    if (name === 'api/state') return sendJson(response, 200, actions.snapshot());
    if (name === 'api/media') return sendMedia(response, actions.media(query.get('id') ?? ''));
    if (name === 'api/stream') {
      if (!stream.open(response)) sendJson(response, 503, { error: 'too many pages are open' });
      return;
    }
    await files.send(response, name === '' ? 'index.html' : name);
  }

  return {
    has: (path) => path === root || path.startsWith(`${root}/`),
    async respond(incoming, response) {
      for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
      const refused = refusalOf(incoming);
      if (refused !== undefined) return sendJson(response, 403, { error: refused });
      const { pathname, search, searchParams } = new URL(incoming.url ?? '/', 'http://simulator');
      if (pathname === root) return void response.writeHead(308, { location: `${root}/${search}` }).end();
      const name = pathname.slice(root.length + 1);
      if (incoming.method === 'GET') return get(name, response, searchParams);
      if (incoming.method !== 'POST') return sendJson(response, 405, { error: 'GET or POST' });
      const result = await post(name, incoming, searchParams);
      if (isRefusal(result)) sendJson(response, result.status, { error: result.refused });
      else sendJson(response, 202, result ?? {});
    },
  };
}

function parsed<T>(schema: z.ZodType<T>, bytes: Buffer, act: (value: T) => unknown): unknown {
  const json = jsonOf(bytes);
  if (json === undefined) return { refused: 'no JSON', status: 400 };
  const value = schema.safeParse(json);
  return value.success ? act(value.data) : { refused: z.prettifyError(value.error), status: 400 };
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

function isRefusal(value: unknown): value is ApiRefusal {
  return typeof value === 'object' && value !== null && 'refused' in value;
}

/** Undefined when there is too much of it. */
async function read(incoming: IncomingMessage, most: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= most) chunks.push(chunk);
  }
  return length <= most ? Buffer.concat(chunks) : undefined;
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.end(JSON.stringify(value));
}

/** Its type is by its first bytes, or as a test says: nothing that a browser would run. */
function sendMedia(response: ServerResponse, found: KeptMedia | undefined): void {
  if (found && /^(image\/(?!svg)|audio\/|video\/)/.test(found.contentType)) {
    response.writeHead(200, { 'content-type': found.contentType, 'cache-control': 'no-store' });
    response.end(found.bytes);
  } else {
    sendJson(response, 404, { error: 'not kept' });
  }
}
