import { describe, expect, test } from 'vitest';
import { targets } from './targets.js';

describe.each(targets)('an access token of the $name', ({ setUp }) => {
  test('is the same for all who ask, as long as nobody forces another', async () => {
    const { account, client, token } = await setUp();
    const again = await client.fetchToken(account, { forceRefresh: false });
    expect(again.value).toBe(token);
    expect(token.length).toBeLessThanOrEqual(512);
    expect(again.expiresInSeconds).toBeGreaterThan(0);
    expect(again.expiresInSeconds).toBeLessThanOrEqual(7_200);
  });

  test.each([
    ['a wrong secret', { appSecret: '0123456789abcdef0123456789abcdef' }, [40001, 40125]],
    ['an unknown AppID', { appId: 'wx0123456789abcdef' }, [40013]],
  ] as const)('is refused to %s, which a person must put right', async (_name, wrong, errcodes) => {
    const { account, client } = await setUp();
    const asked = client.fetchToken({ ...account, ...wrong }, { forceRefresh: false });
    const error = await asked.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ACCESS_TOKEN', errorClass: 'account' });
    expect(errcodes).toContain((error as { errcode: number }).errcode);
  });
});
