import { describe, expect, test } from 'vitest';
import { setStage } from './support/stage.js';
import { waitFor } from './support/wait.js';

describe('a user of the account', () => {
  test('who subscribes gets the welcome card as three messages, in order', async () => {
    const { simulator, database, start } = await setStage();
    await start();
    const result = await simulator.user('oNew').subscribe();
    expect(result).toMatchObject({ outcome: 'acknowledged', tries: [{ status: 200, body: '' }] });
    const inbox = await simulator.waitForDelivered('oNew', 3);
    expect(inbox.map(({ msgtype }) => msgtype)).toEqual(['news', 'news', 'news']);
    expect(inbox[0]?.text).toContain('欢迎关注');
    expect(inbox[1]?.text).toContain('安卓版');
    expect(inbox[2]?.text).toContain('苹果版');
    await waitFor('the message to be settled', async () => {
      const [row] = await database.rows<{ status: string }>('select status from wechat.inbound_message');
      return row?.status === 'settled';
    });
    const deliveries = await database.rows('select position, status, attempts, errcode from wechat.delivery order by position');
    expect(deliveries).toEqual([1, 2, 3].map((position) => ({ position, status: 'sent', attempts: 1, errcode: 0 })));
  });
});
