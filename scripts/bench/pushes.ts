import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { encrypt, signature } from '#src/simulator/pushes/encrypt.js';

export const account = {
  appId: 'wx000000000bench',
  appSecret: 'benchmark-secret',
  token: 'benchtoken',
  encodingAesKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG',
};

/** No two messages of one run have an id in common: a duplicate would be stored for nothing. */
let nextId = 10_000_000_000;

/** A text message as WeChat pushes it. */
export function textXml(openid: string): string {
  nextId += 1;
  const time = Math.floor(Date.now() / 1_000);
  return `<xml><ToUserName><![CDATA[gh_bench]]></ToUserName><FromUserName><![CDATA[${openid}]]></FromUserName><CreateTime>${time}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[你好，请问怎么退款？]]></Content><MsgId>${nextId}</MsgId></xml>`;
}

export interface Push {
  path: string;
  body: string;
}

export function toPush(xml: string, isSecure: boolean): Push {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const nonce = '1234567890';
  const plain = `timestamp=${timestamp}&nonce=${nonce}&signature=${signature(account.token, timestamp, nonce)}`;
  if (!isSecure) return { path: `/wechat?${plain}`, body: xml };
  const encrypted = encrypt(xml, account);
  const sign = signature(account.token, timestamp, nonce, encrypted);
  return {
    path: `/wechat?${plain}&encrypt_type=aes&msg_signature=${sign}`,
    body: `<xml><ToUserName><![CDATA[gh_bench]]></ToUserName><Encrypt><![CDATA[${encrypted}]]></Encrypt></xml>`,
  };
}

/** Written beforehand, so that making them costs the load generator nothing: a line a push, path, tab, body. */
export async function writePushes(file: string, count: number, isSecure: boolean): Promise<void> {
  const stream = createWriteStream(file);
  for (let index = 0; index < count; index += 1) {
    const { path, body } = toPush(textXml(`o${index % 5_000}`), isSecure);
    if (!stream.write(`${path}\t${body}\n`)) await once(stream, 'drain');
  }
  stream.end();
  await finished(stream);
}
