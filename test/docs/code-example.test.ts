import { expect, test } from 'vitest';
import { loadSource } from '../../src/replies/open.js';
import { sourceOptions } from '../support/sources.js';
import { setStage, settled } from '../support/stage.js';

const folder = 'docs/examples/code';

test('the example in code answers together, remembers, places an order once, and is checked', async () => {
  const { simulator, database, start } = await setStage();
  await start({
    sources: [await loadSource(`${folder}/replies.mjs`, sourceOptions())],
    settings: { MERGE_WITHIN: '1', USER_LIMIT: '20/1m', WORDS_FILE: `${folder}/words.yaml` },
  });
  const [one, other] = [simulator.user('oOne'), simulator.user('oOther')];
  await Promise.all([one.say('在吗'), other.say('下单 海洋')]);
  await one.say('电话 13800138000 笨蛋');
  await settled(database, 3);
  await Promise.all([one.say('我说过什么'), other.say('我的订单')]);
  await settled(database, 5);
  await Promise.all([one.say('想轻生'), other.say('人工')]);
  await settled(database, 7);
  const said = (openid: string) => simulator.inboxOf(openid).map(({ text }) => text);
  expect(said('oOne')).toEqual([
    '收到 2 条：在吗 电话 *** **',
    '在吗、电话 *** **',
    '马上为您转接人工客服。',
  ]);
  const [placed = '', last = ''] = said('oOther');
  expect(placed).toMatch(/^订单 海洋-\w+ 已下。$/);
  expect(last.split('：')[1]).toBe(placed.split(' ')[1]);
  expect(said('oOther')[2]).toBe('正在转接，请稍候。');
  expect(await database.rows('select openid from wechat.handover order by 1')).toEqual([
    { openid: 'oOne' },
    { openid: 'oOther' },
  ]);
});
