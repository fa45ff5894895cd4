import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { freePorts } from '../../scripts/free-ports.js';
import { secret } from '../support/back-end.js';
import { type Command, runCommand, runProgram } from '../support/processes.js';
import { testSettings } from '../support/service.js';
import { setStage } from '../support/stage.js';
import { scratchDirectory } from '../support/temporary-directory.js';
import { waitFor } from '../support/wait.js';
import { sends } from '../support/worker-process.js';

/**
 * Takes 20 ms for an answer, and gives every fifth later, by callback. What it promises it keeps in a file, and posts what is there
 * when it starts again.
 */
const source = `
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const post = ({ url, body }) => fetch(url, { method: 'POST', body }).catch(() => undefined);
const file = process.env.PROMISES;
if (existsSync(file)) for (const line of readFileSync(file, 'utf8').trim().split('\\n')) post(JSON.parse(line));
createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { message, callback } = JSON.parse(Buffer.concat(chunks).toString());
  const body = JSON.stringify('re: ' + message.content);
  if (Number(message.content.split('-')[1]) % 5 === 0) {
    const promise = { url: callback.url, body };
    appendFileSync(file, JSON.stringify(promise) + '\\n');
    response.writeHead(202).end();
    setTimeout(() => post(promise), 50);
  } else {
    setTimeout(() => response.writeHead(200).end(body), 20);
  }
}).listen(Number(process.env.PORT), '127.0.0.1', () => console.log('{"event":"listening"}'));
`;

const users = Array.from({ length: 20 }, (_, index) => `user${index}`);
const messagesEach = 15;

async function startAll() {
  const stage = await setStage();
  const file = path.join(scratchDirectory(), 'back-end.mjs');
  writeFileSync(file, source);
  const [backEndPort, publicPort] = [await freePorts(1), await freePorts(1)];
  const settings = {
    REPLIES: `http://127.0.0.1:${backEndPort}/reply`,
    REPLIES_HTTP_SECRET: secret,
    REPLIES_HTTP_PRIVATE: 'true',
    REPLIES_HTTP_TURNS: '0',
    REPLIES_HTTP_TIMEOUT: '5',
    REPLIES_CALLBACK_URL: `http://127.0.0.1:${publicPort}`,
    PORT: String(publicPort),
    RESCUE_AFTER: '2',
  };
  const { account, simulator, database } = stage;
  const start = async (role: string) => {
    const all = testSettings({ account, simulator, databaseUrl: database.url, settings });
    const command = runCommand(['start', '--role', role], all);
    await happened(command, 'started');
    return command;
  };
  const startBackEnd = async () => {
    const command = runProgram(file, { PORT: String(backEndPort), PROMISES: `${file}.promises` });
    await happened(command, 'listening');
    return command;
  };
  simulator.setWebhookUrl(`http://127.0.0.1:${publicPort}/wechat`);
  await start('ingress');
  return { stage, startWorker: () => start('worker'), startBackEnd };
}

/** A machine that runs other tests beside this one starts a process slowly. */
function happened({ lines }: Command, event: string): Promise<true> {
  return waitFor(event, () => lines.some((line) => line.includes(`"event":"${event}"`)), 60_000);
}

async function kill(command: Command): Promise<void> {
  command.child.kill('SIGKILL');
  await command.exited;
}

test('a worker and a back end that are killed under load lose no message, and none leaves out of order', async () => {
  const { stage, startWorker, startBackEnd } = await startAll();
  const { simulator, database } = stage;
  let backEnd = await startBackEnd();
  let worker = await startWorker();
  await startWorker();
  const pushing = Promise.all(
    users.map(async (user) => {
      for (let index = 1; index <= messagesEach; index += 1) {
        const { outcome } = await simulator.user(user).say(`${user}-${index}`);
        expect(outcome).toBe('acknowledged');
      }
    }),
  );
  const sentAtLeast = (share: number) => {
    const count = users.length * messagesEach * share;
    return waitFor(`${count} sends`, () => sends(stage).length >= count, 90_000);
  };
  await sentAtLeast(0.1);
  await kill(worker);
  worker = await startWorker();
  await sentAtLeast(0.3);
  await kill(backEnd);
  backEnd = await startBackEnd();
  await kill(worker);
  await startWorker();
  await pushing;

  const all = users.length * messagesEach;
  await waitFor(
    'the end of all messages',
    async () => {
      const [row] = await database.rows<{ ended: number }>(
        `select count(*) filter (where settled_at is not null)::int as ended from wechat.inbound_message`,
      );
      return row?.ended === all;
    },
    120_000,
  );
  const states = await database.rows('select status, count(*)::int from wechat.inbound_message group by 1');
  expect(states).toEqual([{ status: 'settled', count: all }]);
  for (const user of users) {
    const texts = sends(stage, user).map(
      ({ body }) => (JSON.parse(body) as { text: { content: string } }).text.content,
    );
    // A send whose outcome died with its worker is made again, and by no more than that.
    const once = texts.filter((text, index) => text !== texts[index - 1]);
    expect(once).toEqual(Array.from({ length: messagesEach }, (_, index) => `re: ${user}-${index + 1}`));
  }
}, 400_000);
