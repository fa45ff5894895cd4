import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { newAccount } from '../../support/service.js';
import { mount } from './support.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe('saved answers', () => {
  test('are written, changed and dropped, under a name, and listed for an account with those for all', async () => {
    const account = newAccount();
    const api = await mount({ database, account });
    const forAll = await api.post('saved-answers', { title: 'b hours', text: '9–18', account: null }, 201);
    const own = await api.post(
      'saved-answers',
      { title: 'a way', text: 'left', account: account.appId },
      201,
    );
    expect(forAll).toEqual({ id: expect.any(String), title: 'b hours', text: '9–18', account: null });
    expect(
      (await api.get(`saved-answers?account=${account.appId}`)).map(({ id }: { id: string }) => id),
    ).toEqual([own.id, forAll.id]);
    expect(await api.get('saved-answers?account=wxother')).toMatchObject([{ id: forAll.id }]);
    const { status, body } = await api.ask('PUT', `saved-answers/${own.id}`, {
      title: 'a way',
      text: 'right',
      account: null,
    });
    expect({ status, body }).toMatchObject({ status: 200, body: { text: 'right', account: null } });
    expect((await api.ask('DELETE', `saved-answers/${own.id}`)).status).toBe(204);
    expect((await api.ask('DELETE', `saved-answers/${own.id}`)).status).toBe(404);
    const actions = await database.rows('select actor, action from wechat.operator_action order by id');
    expect(actions).toEqual(
      ['add', 'add', 'change', 'drop'].map((verb) => ({ actor: 'anna', action: `saved_answer_${verb}` })),
    );
  });

  test('have a title once for each account, and a text', async () => {
    const api = await mount({ database });
    await api.post('saved-answers', { title: 'once', text: 'x', account: null }, 201);
    expect(await api.post('saved-answers', { title: 'once', text: 'y', account: null }, 409)).toMatchObject({
      error: 'title_taken',
    });
    for (const body of [
      { title: '', text: 'x', account: null },
      { title: 't', text: ' ', account: null },
      { title: 't', text: 'x' },
      { title: 't', text: 'nul \0', account: null },
    ])
      expect((await api.ask('POST', 'saved-answers', body)).status).toBe(400);
    expect(
      (await api.ask('POST', 'saved-answers', { title: 't', text: 'x', account: 'wxnone' })).status,
    ).toBe(404);
  });
});
