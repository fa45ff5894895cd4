import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pino } from 'pino';
import { readConfig } from '../config/settings.js';
import { startEmbeddedPostgres } from '../db/embedded.js';
import { createPool, type Pool } from '../db/pool.js';
import { createLogger } from '../observe/log.js';
import { createDefaultReplies } from '../replies/default-replies.js';
import { type App, startApp } from '../service/service.js';
import { type PushResult, type SimulatedUser, type Simulator, startSimulator } from '../simulator/index.js';
import { createScreen, type Screen } from './demo-screen.js';
import { untilSignal } from './signals.js';

const account = { appId: 'wx0000000000demo', appSecret: 'simulated-secret', token: 'demotoken' };
const accountName = '晨光书店';

/** Longer than any retry of the scene with errors takes. */
const sceneTimeoutMs = 30_000;

/**
 * `wechat-outbox demo`: the real service on a PostgreSQL of its own, with a simulated WeChat on loopback.
 *
 * Sets exit code 1 when a reply is missing, or one arrived twice.
 */
export async function demo({
  once,
  environment,
}: {
  once: boolean;
  environment: Record<string, string | undefined>;
}): Promise<void> {
  const screen = createScreen(process.stdout);
  const dataDir = path.join(environment.DATA_DIR || '.data', 'demo');
  const logFile = path.join(dataDir, 'service.log');
  mkdirSync(dataDir, { recursive: true });
  const signal = untilSignal(() => process.exit(1));

  screen.note(`Starting PostgreSQL in ${dataDir} …`);
  const postgres = await startEmbeddedPostgres({ dataDir });
  const simulator = await startSimulator({ account });
  const pool = createPool({
    connectionString: postgres.url,
    name: 'demo',
    max: 2,
    statementTimeoutMs: 5_000,
    onError: () => undefined,
  });
  const log = createLogger('info', pino.destination({ dest: logFile, sync: true }));
  let app: App | undefined;
  try {
    app = await startApp({
      config: readConfig({
        PORT: '0',
        HOST: '127.0.0.1',
        ADMIN_PORT: '0',
        WECHAT_APP_ID: account.appId,
        WECHAT_APP_SECRET: account.appSecret,
        WECHAT_TOKEN: account.token,
        WECHAT_API_BASE: simulator.apiBase,
        PUBLIC_URL: 'https://static.example.com',
      }),
      databaseUrl: postgres.url,
      role: 'all',
      repliesOf: () => createDefaultReplies({ publicUrl: 'https://static.example.com', accountName }),
      log,
    });
    simulator.setWebhookUrl(`http://127.0.0.1:${app.webhookPort}/wechat`);
    const stage = { simulator, pool, screen };
    const played = play(stage);
    // Ctrl-C in the middle of the play ends it, too.
    const result = await Promise.race([played, signal.then(() => 'interrupted' as const)]);
    if (result === 'interrupted') {
      played.catch(() => undefined);
    } else {
      if (!result) process.exitCode = 1;
      screen.summary(result);
      if (!once) {
        screen.tour({
          databaseUrl: postgres.url,
          adminPort: app.adminPort,
          webhookPort: app.webhookPort ?? 0,
          logFile,
        });
        chat(stage);
        await signal;
      }
    }
  } finally {
    screen.note('Stopping …');
    await app?.stop();
    await simulator.close();
    await pool.end();
    await postgres.stop();
  }
  process.exit();
}

interface Stage {
  simulator: Simulator;
  pool: Pool;
  screen: Screen;
}

/** @returns whether every reply arrived, and none twice */
async function play(stage: Stage): Promise<boolean> {
  const { simulator, screen } = stage;
  const run = Date.now().toString(36);
  const xiaoming = simulator.user(`oXiaoMing_${run}`);
  const xiaohong = simulator.user(`oXiaoHong_${run}`);
  const xiaogang = simulator.user(`oXiaoGang_${run}`);

  screen.scene(
    '小明 subscribes: the welcome card goes out as three messages, for the API takes one article each',
  );
  await act(stage, '小明', '[关注公众号]', xiaoming, () => [xiaoming.subscribe()], 3);
  screen.scene('小明 sends the keyword tw, then anything');
  await act(stage, '小明', 'tw', xiaoming, () => [xiaoming.say('tw')], 3);
  await act(stage, '小明', 'hello', xiaoming, () => [xiaoming.say('hello')], 1);
  screen.scene(
    '小红’s message is pushed three times, as when the platform saw no answer: stored and answered once',
  );
  await act(
    stage,
    '小红',
    '在吗？',
    xiaohong,
    () => {
      const first = xiaohong.say('在吗？');
      const again = () => first.then((result) => xiaohong.resend(result));
      return [first, again(), again()];
    },
    1,
  );
  screen.scene('小刚 writes while the API is in trouble: system busy, then HTTP 502; retried with backoff');
  simulator.faults.add({ openid: xiaogang.openid, fault: { errcode: -1, errmsg: 'system error' } });
  simulator.faults.add({ openid: xiaogang.openid, fault: { httpStatus: 502 } });
  await act(stage, '小刚', '你好', xiaogang, () => [xiaogang.say('你好')], 1);

  return [xiaoming, xiaohong, xiaogang].every(
    ({ openid, notices }) =>
      notices === 0 && simulator.inboxOf(openid).length === (openid === xiaoming.openid ? 7 : 1),
  );
}

/** One action of a user, and the replies to it. */
async function act(
  { simulator, pool, screen }: Stage,
  name: string,
  says: string,
  { openid }: SimulatedUser,
  pushes: () => Promise<PushResult>[],
  replies: number,
): Promise<void> {
  const before = simulator.inboxOf(openid).length;
  const startedAt = Date.now();
  for (const push of pushes()) screen.said(name, says, await push);
  const inbox = await simulator.waitForDelivered(openid, before + replies, sceneTimeoutMs);
  const attempts = await settledAttempts(pool, openid, replies);
  for (const [index, message] of inbox.slice(before).entries()) {
    screen.answered(accountName, message.text, {
      at: message.at,
      ms: message.at - startedAt,
      attempts: attempts[index] ?? 0,
    });
  }
}

/** How many attempts each of the user's latest `count` deliveries took, once their results are on record. */
async function settledAttempts(pool: Pool, openid: string, count: number): Promise<number[]> {
  const deadline = Date.now() + sceneTimeoutMs;
  for (;;) {
    const { rows } = await pool.query<{ attempts: number; status: string }>(
      `select d.attempts, m.status from wechat.delivery d join wechat.inbound_message m on m.id = d.message_id
       where d.openid = $1 order by d.id desc limit $2`,
      [openid, count],
    );
    if (rows.length === count && rows.every(({ status }) => status === 'settled')) {
      return rows.map(({ attempts }) => attempts).reverse();
    }
    if (Date.now() > deadline)
      throw new Error(`the replies to ${openid} are not settled after ${sceneTimeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What is typed is sent by one more user. */
function chat({ simulator, screen }: Stage): void {
  const you = simulator.user(`oYou_${Date.now().toString(36)}`);
  let saidAt = Date.now();
  simulator.onDelivered(({ openid, at, text }) => {
    if (openid === you.openid)
      screen.answered(accountName, text, { at, ms: at - saidAt, attempts: undefined });
  });
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    if (line.trim() === '') return;
    saidAt = Date.now();
    you.say(line).then(
      (result) => screen.said('你', line, result),
      (error) => screen.note(String(error)),
    );
  });
}
