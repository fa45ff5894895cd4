import { request } from 'undici';
import type { Simulator } from '../../src/simulator/index.js';
import type {
  Action,
  Chat,
  Content,
  PhoneUser,
  Snapshot,
  Trouble,
} from '../../src/simulator/phone/contract.js';

/** The page's way to the simulator. */
export interface PhoneClient {
  state(): Promise<Snapshot>;
  /** The first user there is. */
  me(): Promise<PhoneUser>;
  chat(): Promise<Chat>;
  /** What the first user sees, without times. */
  contents(): Promise<Content[]>;
  act(action: Action): Promise<number>;
  trouble(trouble: Trouble): Promise<number>;
  post(
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; json: unknown }>;
  upload(bytes: Uint8Array, key?: string): Promise<number>;
}

export function phoneOf(simulator: Simulator): PhoneClient {
  const { phoneUrl } = simulator;
  if (phoneUrl === undefined) throw new Error('the simulator has no phone');
  const base = phoneUrl;

  async function state(): Promise<Snapshot> {
    return (await (await request(`${base}api/state`)).body.json()) as Snapshot;
  }

  async function me(): Promise<PhoneUser> {
    const [first] = (await state()).users;
    if (!first) throw new Error('nobody has the phone');
    return first;
  }

  async function chat(): Promise<Chat> {
    const { openid } = await me();
    const found = (await state()).chats.find((one) => one.openid === openid);
    if (!found) throw new Error('no chat');
    return found;
  }

  async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
    const sent = body instanceof Uint8Array ? body : JSON.stringify(body);
    const response = await request(base + path, { method: 'POST', body: sent, headers });
    return { status: response.statusCode, json: await response.body.json() };
  }

  return {
    state,
    me,
    chat,
    post,
    contents: async () => (await chat()).entries.map(({ content }) => content),
    async act(action) {
      const { appId, openid } = await me();
      return (await post('api/actions', { appId, openid, action })).status;
    },
    trouble: async (trouble) => (await post('api/troubles', trouble)).status,
    async upload(bytes, key = '') {
      const { appId, openid } = await me();
      const query = new URLSearchParams({ appId, openid, key });
      return (await post(`api/pictures?${query}`, bytes)).status;
    },
  };
}

/** A picture of one dot. */
export const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
