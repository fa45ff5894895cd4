import { Writable } from 'node:stream';
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
