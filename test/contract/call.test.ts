import { describe, expect, test } from 'vitest';
import { createWeChatCall, type WeChatRequest } from '../../src/accounts/wechat-call.js';
import { type Scene, targets } from './targets.js';

const never = new AbortController().signal;

/** As the reply logic calls it: `token` is what is kept, and what replaces it is a new one. */
function callOf({ account, client, token }: Scene, kept = token) {
  const call = createWeChatCall({
    clientOf: () => client,
    tokens: { get: async () => kept, replace: async () => token },
  });
  return (request: WeChatRequest) => call(account, request, never);
}

describe.each(targets)('any API of the $name', ({ setUp }) => {
  test('may be called: what is known of a follower', async () => {
    const scene = await setUp();
    const path = `/cgi-bin/user/info?openid=${scene.openid}&lang=zh_CN`;
    expect(await callOf(scene)({ method: 'GET', path })).toMatchObject({
      subscribe: 1,
      openid: scene.openid,
    });
  });

  test('is called again with the next token, where it refuses the first', async () => {
    const scene = await setUp();
    const path = '/cgi-bin/get_current_autoreply_info';
    expect(await callOf(scene, 'no-token-at-all')({ method: 'GET', path })).toMatchObject({
      is_autoreply_open: expect.any(Number),
    });
  });

  test('says no in its own words', async () => {
    const scene = await setUp();
    const failed = callOf(scene)({ method: 'GET', path: '/cgi-bin/user/info?openid=nobody' });
    await expect(failed).rejects.toMatchObject({ errcode: 40003, rid: expect.any(String) });
  });

  test('tells its quota', async () => {
    const scene = await setUp();
    const body = { cgi_path: '/cgi-bin/message/custom/send' };
    const told = await callOf(scene)({ method: 'POST', path: '/cgi-bin/openapi/quota/get', body });
    expect(told).toMatchObject({ quota: { daily_limit: expect.any(Number) } });
  });
});
