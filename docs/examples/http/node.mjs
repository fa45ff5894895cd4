// A back end in Node (22 or newer), without packages: node node.mjs
// It answers at once, but for "think", which it answers later by the callback (202).
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const secret = Buffer.from(process.env.REPLIES_HTTP_SECRET.replace(/^whsec_/, ''), 'base64');
const port = Number(process.env.PORT ?? 8000);
const oldestSeconds = 300;

/** Whether the request is from wechat-outbox, and was made a moment ago. */
function isSigned(headers, body) {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  if (!(Math.abs(Date.now() / 1_000 - Number(timestamp)) <= oldestSeconds)) return false;
  const expected = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest();
  // While a secret changes there are two signatures: one of them must be right.
  return String(headers['webhook-signature'])
    .split(' ')
    .map((signature) => signature.split(','))
    .filter(([version]) => version === 'v1')
    .map(([, signature]) => Buffer.from(signature ?? '', 'base64'))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected));
}

/** What may be asked for twice is answered the same: one message has one id. A real back end keeps this in its database. */
const answered = new Map();

function answer({ message, history }) {
  if (message.kind === 'event') return message.event === 'subscribe' ? 'Welcome!' : { next: true };
  if (message.kind !== 'text') return { next: true };
  if (message.content === 'human') return { replies: 'A moment, please.', handOver: 'asked for a person' };
  if (message.content === 'site')
    return [
      'Here it is:',
      { type: 'news', articles: [{ title: 'Our site', url: 'https://www.example.com' }] },
    ];
  return `You said: ${message.content} (after ${history.length} turns)`;
}

/** Posts the answer when it is there. What is not stored yet (503) is posted again. */
async function answerLater({ message, callback }) {
  const body = JSON.stringify(`I thought about it: ${message.content}`);
  for (let tries = 1; tries <= 5; tries += 1) {
    const response = await fetch(callback.url, { method: 'POST', body }).catch(() => undefined);
    if (response && response.status < 500) return;
    await new Promise((resolve) => setTimeout(resolve, tries * 1_000));
  }
}

function respond(request) {
  if (request.message.content === 'think' && request.callback) {
    // On a repeated request the newest callback will do, and so will any before it.
    if (!answered.has(request.id)) setTimeout(() => answerLater(request), 100);
    answered.set(request.id, { status: 202 });
  }
  if (!answered.has(request.id)) answered.set(request.id, { status: 200, json: answer(request) });
  return answered.get(request.id);
}

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  if (!isSigned(request.headers, body)) return response.writeHead(401).end('the signature is wrong');
  const { status, json } = respond(JSON.parse(body));
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(json === undefined ? undefined : JSON.stringify(json));
}).listen(port, '127.0.0.1', () => console.log(`listening on ${port}`));
