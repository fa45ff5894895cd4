import Router from '@koa/router';
import { z } from 'zod';
import type { Pool } from '../../../db/pool.js';
import { say } from '../../../lib/language.js';
import { readBody } from '../http/input.js';
import { personOf, type Requires } from '../http/person.js';
import { notFound, Refusal } from '../http/refusal.js';
import { asPerson } from '../http/transaction.js';
import { sessionLimits } from './sessions.js';
import {
  addUser,
  type ChangeResult,
  changeUser,
  listLinkNames,
  listUsers,
  password,
  removeUser,
  role,
  signUserOut,
  userName,
} from './users.js';

const displayName = z.string().trim().min(1).max(100);

const newUser = z.strictObject({
  name: userName,
  displayName: displayName.optional(),
  role,
  password: password.nullish(),
});

const change = z.strictObject({
  displayName: displayName.optional(),
  role: role.optional(),
  password: password.optional(),
  disabled: z.boolean().optional(),
});

/** Users of the console, for those who manage them. */
export function createUserRoutes({ pool, requires }: { pool: Pool; requires: Requires }): Router {
  const router = new Router();
  const manage = requires('manage');

  router.get('/users', manage, async (ctx) => {
    ctx.body = [...(await listUsers(pool, sessionLimits)), ...(await listLinkNames(pool, sessionLimits))];
  });

  router.post('/users', manage, async (ctx) => {
    const { password, displayName, ...given } = readBody(ctx, newUser);
    const user = { ...given, displayName: displayName ?? given.name, password: password ?? undefined };
    const result = await asPerson(pool, personOf(ctx).name, (client) => addUser(client, user));
    if (result === 'exists')
      throw new Refusal(
        409,
        'exists',
        say(`There is a user ${user.name} already`, `用户 ${user.name} 已存在`),
      );
    ctx.status = 201;
    [ctx.body] = await listUsers(pool, sessionLimits, user.name);
  });

  router.patch('/users/:name', manage, async (ctx) => {
    const { name = '' } = ctx.params;
    const given = readBody(ctx, change);
    refuse(await asPerson(pool, personOf(ctx).name, (client) => changeUser(client, name, given)));
    [ctx.body] = await listUsers(pool, sessionLimits, name);
  });

  router.delete('/users/:name', manage, async (ctx) => {
    const { name = '' } = ctx.params;
    refuse(await asPerson(pool, personOf(ctx).name, (client) => removeUser(client, name)));
    ctx.status = 204;
  });

  router.delete('/users/:name/sessions', manage, async (ctx) => {
    const { name = '' } = ctx.params;
    await asPerson(pool, personOf(ctx).name, (client) => signUserOut(client, name));
    ctx.status = 204;
  });

  return router;
}

function refuse(result: ChangeResult): void {
  if (result === 'not_found') throw notFound();
  if (result === 'last_admin')
    throw new Refusal(
      409,
      'last_admin',
      say('There must be another admin first', '这是最后一个管理员，请先添加另一个'),
    );
}
