/** Stands in for WeChat's API: grants a token, accepts every message at once, and counts. */
import { createServer, type ServerResponse } from 'node:http';
import { serveHealth } from './health.ts';

const accepted = '{"errcode":0,"errmsg":"ok"}';
const token = '{"access_token":"bench","expires_in":7200}';
/** Set by the latency benchmark: the user is named for the moment of their push. */
const userNamedForTime = /"touser":"t(\d+\.?\d*)-/;

let sends = 0;
let firstAt = 0;
let lastAt = 0;
let latenciesMs: number[] = [];

const now = () => performance.timeOrigin + performance.now();

function answer(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

createServer((request, response) => {
  const { url = '' } = request;
  if (!url.startsWith('/cgi-bin/message/custom/send')) {
    request.resume();
    if (url === '/counts') return answer(response, JSON.stringify({ sends, firstAt, lastAt, latenciesMs }));
    if (url === '/reset') {
      sends = 0;
      latenciesMs = [];
    }
    return answer(response, token);
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    lastAt = now();
    if (sends === 0) firstAt = lastAt;
    sends += 1;
    const sentAt = userNamedForTime.exec(Buffer.concat(chunks).toString('latin1', 0, 80))?.[1];
    if (sentAt) latenciesMs.push(lastAt - Number(sentAt));
    answer(response, accepted);
  });
}).listen(Number(process.env.PORT), '127.0.0.1', serveHealth);
