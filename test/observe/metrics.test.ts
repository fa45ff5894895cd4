import { describe, expect, test } from 'vitest';
import { SourceError } from '../../src/replies/source.js';
import { sampleValue, scrape } from '../support/scrape.js';
import { setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

describe('the counters', () => {
  test('tell of pushes and attempts, and fold what this version does not know', async () => {
    const { simulator, account, database, start } = await setStage();
    const { adminUrl } = await start({ replies: () => 'hi' });
    simulator.faults.add({ openid: 'oOdd', fault: { errcode: 99_123 } });
    simulator.faults.add({ openid: 'oBusy', fault: { errcode: -1 } });
    const pushed = await simulator.user('oUser').say('hello');
    await simulator.user('oUser').resend(pushed);
    await simulator.user('oOdd').say('hello');
    await simulator.user('oBusy').say('hello');
    await settled(database, 3);
    const samples = await waitFor('the last attempt', async () => {
      const seen = await scrape(adminUrl);
      const answered = sampleValue(seen, 'wechat_outbox_reply_duration_seconds_count');
      return answered === 3 && seen;
    });
    const base = { account: account.appId };
    const inbound = (result: string) =>
      sampleValue(samples, 'wechat_outbox_inbound_total', { ...base, type: 'text', result });
    expect(inbound('stored')).toBe(3);
    expect(inbound('duplicate')).toBe(1);
    const attempts = (outcome: string, errcode: string) =>
      sampleValue(samples, 'wechat_outbox_delivery_attempts_total', { ...base, outcome, errcode });
    expect(attempts('transient', '-1')).toBe(1);
    expect(attempts('sent', '0')).toBeGreaterThanOrEqual(2);
    expect(samples.filter(({ labels }) => labels.errcode === '99123')).toEqual([]);
    expect(samples.find(({ labels }) => labels.errcode === 'other')?.value).toBeGreaterThanOrEqual(1);
    // What has not happened yet is there as well: else its first time would be hidden from rate().
    expect(sampleValue(samples, 'wechat_outbox_inbound_total', { ...base, result: 'shed' })).toBe(0);
    expect(sampleValue(samples, 'wechat_outbox_token_refreshes_total', { ...base, result: 'error' })).toBe(0);
  });

  test('tell of reply logic that comes to nothing, by whether asking it again helps', async () => {
    const { simulator, account, start } = await setStage();
    const errors: Readonly<Record<string, Error>> = {
      oBroken: new Error('it broke'),
      oNever: new SourceError('it is not allowed', 'never'),
      oAway: new SourceError('the back end is away', 'outage'),
    };
    const { adminUrl } = await start({
      replies: ({ message }) => {
        throw errors[message.openid] ?? new Error('nobody');
      },
    });
    for (const openid of Object.keys(errors)) await simulator.user(openid).say('hello');
    await waitFor('a failure of each kind', async () => {
      const samples = await scrape(adminUrl);
      return ['error', 'refused', 'outage'].every(
        (reason) =>
          (sampleValue(samples, 'wechat_outbox_reply_failures_total', { account: account.appId, reason }) ??
            0) > 0,
      );
    });
  });
});
