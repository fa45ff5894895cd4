import { request } from 'undici';

const { WECHAT_API_BASE } = process.env;

/** What is kept of a call. */
export interface Sent {
  startedAt: Date;
  errcode: number;
}

/** One text to a user, as all do it that are measured beside the product. @throws Error when the API refuses it */
export async function sendHello(openid: string | undefined): Promise<Sent> {
  const startedAt = new Date();
  const { body } = await request(`${WECHAT_API_BASE}/cgi-bin/message/custom/send?access_token=bench`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ touser: openid, msgtype: 'text', text: { content: 'hello' } }),
  });
  const { errcode } = (await body.json()) as { errcode: number };
  if (errcode !== 0) throw new Error(`WeChat answered with errcode ${errcode}`);
  return { startedAt, errcode };
}
