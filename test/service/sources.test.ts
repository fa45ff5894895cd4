import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { AccountConfig } from '../../src/config/account.js';
import type { Pool } from '../../src/db/pool.js';
import { createMetrics } from '../../src/observe/metrics.js';
import { createTracing } from '../../src/observe/tracing.js';
import type { LoadedSource } from '../../src/replies/source.js';
import { openSources } from '../../src/service/sources.js';
import { textMessage } from '../support/messages.js';
import { replyContext } from '../support/reply-context.js';

const accounts = ['wx1', 'wx2'].map((appId) => ({ appId }) as AccountConfig);

function scene() {
  const events: string[] = [];
  const services = {
    pool: {} as Pool,
    proxies: undefined,
    log: pino({ level: 'silent' }),
    metrics: createMetrics([]),
    tracing: createTracing(),
    clock: () => new Date(),
  };
  const source = (name: string, how: { opens?: boolean; closes?: boolean } = {}): LoadedSource => ({
    name,
    async open({ appId }) {
      if (how.opens === false) throw new Error(`${name} does not open`);
      events.push(`open ${name} of ${appId}`);
      return {
        name,
        answer: () => `${name} of ${appId}`,
        async close() {
          events.push(`close ${name} of ${appId}`);
          if (how.closes === false) throw new Error(`${name} does not close`);
        },
      };
    },
  });
  return { events, services, source };
}

test('each account is answered by its own sources, and all are closed', async () => {
  const { events, services, source } = scene();
  const sources = [source('a', { closes: false }), source('b')];
  const open = await openSources({ accounts, repliesOf: () => sources, services });
  const context = replyContext(textMessage());
  expect(await Promise.all(open.accounts.map(({ answer }) => answer(context)))).toEqual([
    'a of wx1',
    'a of wx2',
  ]);
  events.length = 0;
  await open.close();
  expect(events).toEqual(['close b of wx2', 'close a of wx2', 'close b of wx1', 'close a of wx1']);
});

test('one that does not open closes those that were open', async () => {
  const { events, services, source } = scene();
  const repliesOf = ({ appId }: AccountConfig) => [source('a'), source('b', { opens: appId === 'wx1' })];
  await expect(openSources({ accounts, repliesOf, services })).rejects.toThrow('b does not open');
  expect(events.filter((event) => event.startsWith('close'))).toEqual([
    'close a of wx2',
    'close b of wx1',
    'close a of wx1',
  ]);
});
