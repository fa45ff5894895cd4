import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import { createLanes } from '../support/lanes.js';
import { textMessage } from '../support/messages.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

const taking =
  (ms: number): Replies =>
  async () => {
    await sleep(ms);
    return 'hello';
  };

describe('a reply window of one minute', () => {
  test('goes first when the worker is behind', async () => {
    const { simulator, database, start } = await setStage();
    await start({ role: 'ingress' });
    await Promise.all(
      Array.from({ length: 300 }, (_, index) => simulator.user(`oText${index}`).say('hello')),
    );
    await simulator.user('oFollower').subscribe();
    await simulator.user('oScanner').scan('1');
    await simulator.user('oClicker').click('MENU');
    const jobs = await database.rows<{ priority: number }>(
      'select priority from graphile_worker.jobs order by priority, run_at, id',
    );
    expect(jobs.slice(0, 3)).toEqual([{ priority: -10 }, { priority: -10 }, { priority: -10 }]);
    expect(new Set(jobs.slice(3).map(({ priority }) => priority))).toEqual(new Set([0]));
    await start({ role: 'worker', replies: taking(30), settings: { REPLY_CONCURRENCY: '5' } });
    await settled(database, 303);
    const urgent = ['oFollower', 'oScanner', 'oClicker'].map(
      (openid) => simulator.inboxOf(openid)[0]?.sequence ?? Number.NaN,
    );
    // Not the very first: what runs side by side with them may be quicker.
    expect(Math.max(...urgent)).toBeLessThan(150);
  });

  test('goes first though the worker has its hands full with slow replies', async () => {
    const { account, simulator, database, start } = await setStage();
    await start({ role: 'ingress' });
    // More than a worker takes in hand, in jobs as large as they get, and more of these than it runs at once.
    const lanes = createLanes(database.pool, { appId: account.appId });
    for (let group = 0; group < 5; group += 1)
      await lanes.arrive(
        ...Array.from({ length: 500 }, (_, n) => textMessage({ openid: `oText${group}-${n}` })),
      );
    await start({ role: 'worker', replies: taking(10), settings: { REPLY_CONCURRENCY: '1' } });
    await waitFor('the worker to have its hands full', async () => {
      const [row] = await database.rows<{ held: number }>(
        'select count(*)::int as held from wechat.lane where claim is not null',
      );
      return row && row.held > 150;
    });
    await simulator.user('oFollower').subscribe();
    await simulator.user('oClicker').click('MENU');
    await simulator.waitForDelivered('oFollower', 1);
    await simulator.waitForDelivered('oClicker', 1);
    // Texts that nobody sent are refused, but they are sent.
    const sends = simulator.calls.filter(({ path }) => path.endsWith('/custom/send'));
    expect(sends.length).toBeGreaterThan(2);
    expect(sends.length).toBeLessThan(600);
  });
});
