import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { sign } from '../../src/wechat/in/signature.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

describe('beyond what can be stored in time', () => {
  test('pushes are refused at once, those that wait are stored, and health says so', async () => {
    const { simulator, database, start } = await setStage({ retryDelayMs: 0 });
    const { adminUrl, logged } = await start({ replies: () => undefined, settings: { INBOX_QUEUE: '50' } });
    // Storing stands still: every insert waits for this lock.
    const client = await database.pool.connect();
    await client.query('begin');
    await client.query('lock table wechat.inbound_message in share mode');
    const pushes = Array.from({ length: 200 }, (_, index) => simulator.user(`o${index}`).say('hello'));
    await waitFor('the refusals', async () => {
      const { body } = await ready(adminUrl);
      return body.includes('inbox: 50 messages wait for their commit: pushes are refused');
    });
    expect((await ready(adminUrl)).status).toBe(503);
    await waitFor('the log', () => logged.some(({ event }) => event === 'overloaded'));
    await client.query('commit');
    client.release();
    const results = await Promise.all(pushes);
    const stored = results.filter(({ outcome }) => outcome === 'acknowledged').length;
    expect(stored).toBeGreaterThanOrEqual(50);
    const refusals = results.flatMap(({ tries }) => tries.filter(({ status }) => status === 503));
    expect(refusals.length).toBeGreaterThan(0);
    await settled(database, stored);
    const { body } = await ready(adminUrl);
    expect(body).toContain('inbox: ok');
    // A line a second, not one a push.
    expect(logged.filter(({ event }) => event === 'overloaded').length).toBeLessThan(10);
  });
});

describe('a database that refuses to write', () => {
  test('is a readiness failure that says why, and ends by itself', async () => {
    const { simulator, database, start } = await setStage({ pushTimeoutMs: 6_000 });
    const { adminUrl } = await start({ role: 'ingress' });
    const name = new URL(database.url).pathname.slice(1);
    await database.pool.query(`alter database ${name} set default_transaction_read_only = on`);
    await database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = $1 and application_name = 'wechat-outbox ingress'`,
      [name],
    );
    const push = simulator.user('oUser').say('hello');
    await waitFor('readiness to fail', async () => {
      const { status, body } = await ready(adminUrl);
      return status === 503 && body.includes('takes no writes');
    });
    await database.pool.query('set default_transaction_read_only = off');
    await database.pool.query(
      `begin read write; alter database ${name} reset default_transaction_read_only; commit`,
    );
    await database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = $1 and application_name = 'wechat-outbox ingress'`,
      [name],
    );
    expect((await push).outcome).toBe('acknowledged');
    expect((await ready(adminUrl)).status).toBe(200);
  });
});

describe('a sender', () => {
  test('that sends its headers byte by byte is cut off', async () => {
    const { start } = await setStage();
    const { webhookPort } = await start({ role: 'ingress' });
    const socket = connect(webhookPort ?? 0, '127.0.0.1');
    const startedAt = Date.now();
    socket.write('POST /wechat HTTP/1.1\r\n');
    const drip = setInterval(() => socket.write('x'), 200);
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(text));
    });
    clearInterval(drip);
    expect(answer).toContain('408');
    expect(Date.now() - startedAt).toBeLessThan(8_000);
  });

  test('that sends a body without end is cut off at the limit', async () => {
    const { account, simulator, start } = await setStage();
    const { webhookUrl } = await start({ role: 'ingress' });
    const { tries } = await simulator.user('oUser').say('hello');
    expect(tries[0]?.status).toBe(200);
    let sent = 0;
    const status = await new Promise<number | string>((resolve) => {
      const call = request(`${webhookUrl}?${signed(account.token)}`, { method: 'POST' }, ({ statusCode }) =>
        resolve(statusCode ?? 0),
      );
      call.on('error', (error) => resolve(error.message));
      const pour = () => {
        while (sent < 50_000_000 && !call.destroyed && call.write('x'.repeat(16_384))) sent += 16_384;
      };
      call.on('drain', pour);
      pour();
    });
    expect(status).toBe(413);
    // What the sockets hold on both ends may be on its way.
    expect(sent).toBeLessThan(10_000_000);
  });
});

async function ready(adminUrl: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`${adminUrl}/readyz`);
  return { status: response.status, body: await response.text() };
}

function signed(token: string): URLSearchParams {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  return new URLSearchParams({ timestamp, nonce: '1', signature: sign(token, timestamp, '1') });
}
