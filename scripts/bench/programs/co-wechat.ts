/**
 * On co-wechat, which stores nothing: it checks, parses and answers. With ROLE=all what is to be sent is sent in the background:
 * what was not sent when the process ends is lost, and nothing tells.
 */
import wechat from 'co-wechat';
import Koa from 'koa';
import { serveHealth } from './health.ts';
import { sendHello } from './send-hello.ts';

const { WECHAT_TOKEN = '', PORT, ROLE } = process.env;

const app = new Koa();
app.use(
  wechat({ token: WECHAT_TOKEN, appid: '', encodingAESKey: '' }).middleware(async (message) => {
    if (ROLE === 'all') void sendHello(String(message.FromUserName)).catch(console.error);
    return '';
  }),
);
app.listen(Number(PORT), '127.0.0.1', serveHealth);
