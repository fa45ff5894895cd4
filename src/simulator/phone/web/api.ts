import type { Action, PhoneUser, Trouble } from '../contract.js';

/** Whose it is: OpenIDs are an account's own. */
export interface Whose {
  appId: string;
  openid: string;
}

/** @throws Error with the server's words */
async function post(path: string, body: BodyInit, type = 'application/json'): Promise<unknown> {
  const response = await fetch(path, { method: 'POST', body, headers: { 'content-type': type } });
  const answer: unknown = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const { error } = answer as { error?: string };
  throw new Error(error ?? `HTTP ${response.status}`);
}

export async function act({ appId, openid }: Whose, action: Action): Promise<void> {
  await post('api/actions', JSON.stringify({ appId, openid, action }));
}

export async function makeTrouble(trouble: Trouble): Promise<void> {
  await post('api/troubles', JSON.stringify(trouble));
}

export async function addUser(appId: string, name: string): Promise<PhoneUser> {
  return (await post('api/users', JSON.stringify({ appId, name }))) as PhoneUser;
}

/** `key`: of the menu's button, if it was one. */
export async function sendPicture({ appId, openid }: Whose, picture: Blob, key: string): Promise<void> {
  const query = new URLSearchParams({ appId, openid, key });
  await post(`api/pictures?${query}`, picture, 'application/octet-stream');
}
