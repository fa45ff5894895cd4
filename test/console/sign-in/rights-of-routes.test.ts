import { expect, test } from 'vitest';
import { consoleAreas } from '../../../src/cli/start/console-areas.js';
import { readConfig } from '../../../src/config/settings.js';
import type { Right } from '../../../src/console/contract/rights.js';
import type { AreaDependencies } from '../../../src/console/server/area.js';
import { requires } from '../../../src/console/server/sign-in/requires.js';
import { createUserRoutes } from '../../../src/console/server/sign-in/user-routes.js';

const config = readConfig({
  WECHAT_APP_ID: 'wx0123456789abcdef',
  WECHAT_APP_SECRET: '0'.repeat(32),
  WECHAT_TOKEN: 'token',
  REPLIES: './replies.js',
});
/** Routes are only made here, and none is asked. */
const parts = {
  ...{ config, requires, clients: { others: () => undefined }, stopping: new AbortController().signal },
} as unknown as AreaDependencies;

const wanted: Record<Right, string[]> = {
  read: [
    'GET /accounts',
    'GET /actions',
    'GET /conversations',
    'GET /conversations/:account/:openid',
    'GET /deliveries',
    'GET /live',
    'GET /media/:key',
    'GET /messages',
    'GET /messages/:id',
    'GET /now',
    'GET /rules',
    'GET /rules/:name',
    'GET /why',
    'POST /rules/:name/diff',
    'POST /rules/check',
    'POST /rules/try',
  ],
  chat: [
    'DELETE /saved-answers/:id',
    'GET /saved-answers',
    'POST /conversations/:account/:openid/read',
    'POST /conversations/:account/:openid/return',
    'POST /conversations/:account/:openid/send',
    'POST /conversations/:account/:openid/take',
    'POST /conversations/:account/:openid/transfer',
    'POST /saved-answers',
    'PUT /saved-answers/:id',
  ],
  analyse: ['GET /analytics'],
  operate: [
    'GET /accounts/:appId/quota',
    'GET /bulk/:id',
    'POST /accounts/:appId/check',
    'POST /accounts/:appId/pause',
    'POST /accounts/:appId/resume',
    'POST /bulk/preview',
    'POST /bulk/run',
  ],
  rule: ['POST /rules/:name/back', 'PUT /rules/:name'],
  manage: [
    'DELETE /users/:name',
    'DELETE /users/:name/sessions',
    'GET /users',
    'PATCH /users/:name',
    'POST /users',
  ],
};

test('each route asks for the right that is meant, and no route is left out', () => {
  const found: Partial<Record<Right, string[]>> = {};
  for (const router of [createUserRoutes, ...consoleAreas].map((area) => area(parts)))
    for (const { methods, path, stack } of router.stack)
      for (const asked of stack)
        if ('right' in asked) {
          const right = asked.right as Right;
          found[right] = [...(found[right] ?? []), `${methods.at(-1)} ${path}`].sort();
        }
  expect(found).toEqual(wanted);
});
