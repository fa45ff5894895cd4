import { describe, expect, test } from 'vitest';
import type { Replies } from '../../src/replies/router.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

/** Reply logic that holds texts that begin with "slow" until the test lets go. */
function heldReplies(): { replies: Replies; letGo: () => void } {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const replies: Replies = async ({ message }) => {
    if (message.kind !== 'text') return 'event';
    if (message.content.startsWith('slow')) await held;
    return message.content;
  };
  return { replies, letGo };
}

describe('an account that wants no order', () => {
  test('lets a quick reply overtake a slow one of the same user', async () => {
    const { simulator, database, start } = await setStage();
    const { replies, letGo } = heldReplies();
    await start({ replies, settings: { ORDERED: 'false' } });
    const user = simulator.user('oUser');
    for (const text of ['slow 1', '2', '3']) await user.say(text);
    await simulator.waitForDelivered('oUser', 2);
    letGo();
    await settled(database, 3);
    expect(
      simulator
        .inboxOf('oUser')
        .map(({ text }) => text)
        .sort(),
    ).toEqual(['2', '3', 'slow 1']);
    expect(simulator.inboxOf('oUser').at(-1)?.text).toBe('slow 1');
  });

  test('answers all after a pause, too', async () => {
    const { account, simulator, database, start } = await setStage();
    const { replies } = heldReplies();
    await database.pool.query('select wechat.pause($1)', [account.appId]);
    await start({ replies, settings: { ORDERED: 'false' } });
    for (const text of ['1', '2', '3', '4']) await simulator.user('oUser').say(text);
    await waitFor(
      'the jobs to have found nothing',
      async () => (await database.rows('select from graphile_worker.jobs')).length === 0,
    );
    await database.pool.query('select wechat.resume($1)', [account.appId]);
    await settled(database, 4);
    expect(simulator.inboxOf('oUser')).toHaveLength(4);
  });

  test('answers what came during a pause though an earlier message has to wait', async () => {
    const { account, simulator, database, start } = await setStage();
    let works = false;
    const replies: Replies = ({ message }) => {
      if (message.kind !== 'text') return undefined;
      if (message.content === '1' && !works) throw new Error('not yet');
      return message.content;
    };
    await start({ replies, settings: { ORDERED: 'false' } });
    const user = simulator.user('oUser');
    await user.say('1');
    // The second try is an hour away.
    await waitFor('the first failure', async () => {
      const { rowCount } = await database.pool.query(
        `update wechat.lane set due_at = now() + interval '1 hour' where claim is null and failures > 0`,
      );
      return rowCount === 1;
    });
    await database.pool.query('select wechat.pause($1)', [account.appId]);
    await user.say('2');
    await user.say('3');
    await waitFor(
      'the jobs to have found nothing',
      async () => (await database.rows('select from graphile_worker.jobs')).length === 0,
    );
    expect(simulator.delivered).toEqual([]);
    await database.pool.query('select wechat.resume($1)', [account.appId]);
    const inbox = await simulator.waitForDelivered('oUser', 2);
    expect(inbox.map(({ text }) => text).sort()).toEqual(['2', '3']);

    works = true;
    await database.pool.query(
      `with due as (update wechat.lane set due_at = now() returning id)
       select wechat.ring(array_agg(id), array_agg(false), array_agg(now())) from due`,
    );
    await settled(database, 3);
    expect(simulator.inboxOf('oUser').at(-1)?.text).toBe('1');
  });
});
