import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createLogger } from '../../src/observe/log.js';

test('the log hides secrets and content wherever they stand, and keeps the rest', () => {
  let written = '';
  const sink = new Writable({
    write(chunk, _encoding, done) {
      written += String(chunk);
      done();
    },
  });
  const log = createLogger('info', sink);
  const account = { appId: 'wx1', appSecret: 'hunter2', token: 'sesame' };
  log.info({
    event: 'test',
    account,
    access_token: 'T0KEN',
    message: { content: 'private words' },
    payload: { a: 'b' },
  });
  log.child({ app_secret: 'hunter2' }).info({ body: 'private words' });
  expect(written).not.toMatch(/hunter2|sesame|T0KEN|private words/);
  expect(written).toContain('"appId":"wx1"');
  expect(written).toContain('[hidden]');
});

test('each line has its time, to the millisecond', async () => {
  const times: number[] = [];
  const log = createLogger('info', {
    write(line) {
      times.push(Date.parse(JSON.parse(line).time));
    },
  });
  const expected: [number, number][] = [];
  // Over the turn of a second, of which all but the milliseconds is kept.
  for (const until = Date.now() + 1_100; Date.now() < until; await sleep(7)) {
    const before = Date.now();
    log.info('now');
    expected.push([before, Date.now()]);
  }
  for (const [index, [earliest, latest]] of expected.entries()) {
    expect(times[index]).toBeGreaterThanOrEqual(earliest);
    expect(times[index]).toBeLessThanOrEqual(latest);
  }
});
