import { createHash } from 'node:crypto';
import { request } from 'undici';

export interface TextPush {
  token: string;
  openid: string;
  content: string;
  msgId: string;
}

/** Posts a text as WeChat does in plaintext mode, by code that the service does not share. */
export async function pushText(
  webhookUrl: string,
  { token, openid, content, msgId }: TextPush,
): Promise<{ status: number; body: string }> {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const nonce = msgId;
  const signature = createHash('sha1').update([token, timestamp, nonce].sort().join('')).digest('hex');
  const query = new URLSearchParams({ signature, timestamp, nonce, openid });
  const xml =
    `<xml><ToUserName><![CDATA[gh_account]]></ToUserName><FromUserName><![CDATA[${openid}]]></FromUserName>` +
    `<CreateTime>${timestamp}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[${content}]]></Content>` +
    `<MsgId>${msgId}</MsgId></xml>`;
  const response = await request(`${webhookUrl}?${query}`, {
    method: 'POST',
    headers: { 'content-type': 'text/xml' },
    body: xml,
  });
  return { status: response.statusCode, body: await response.body.text() };
}
