import type Router from '@koa/router';
import type Koa from 'koa';
import { say } from '../../../lib/language.js';
import { may } from '../../contract/rights.js';
import type { Person, Requires } from '../http/person.js';
import { Refusal } from '../http/refusal.js';

export const requires: Requires = (right) => {
  const check: Koa.Middleware = (ctx, next) => {
    const user: Person | undefined = ctx.state.user;
    if (!user) throw signedOut();
    if (!may(user.role, right))
      throw new Refusal(
        403,
        'forbidden',
        say(`Your role, ${user.role}, may not do this`, `你的角色（${user.role}）没有这个权限`),
        { right },
      );
    // Kept for a stream that asks again later.
    ctx.state.right = right;
    return next();
  };
  return Object.assign(check, { right });
};

export const signedOut = () => new Refusal(401, 'signed_out', say('Sign in first', '请先登录'));

/** Routes that ask for no right, by nothing of their own and by nothing before them: `GET /now`. */
export function routesWithoutRight(router: Router): string[] {
  const asks = (layer: Router['stack'][number]) => layer.stack.some((one) => 'right' in one);
  const routes = router.stack.filter(({ methods }) => methods.length > 0);
  if (router.stack.some((layer) => layer.methods.length === 0 && asks(layer))) return [];
  return routes.filter((layer) => !asks(layer)).map(({ methods, path }) => `${methods.at(-1)} ${path}`);
}
