import type Koa from 'koa';
import type { Right, Role } from '../../contract/rights.js';

/** Who is signed in: `ctx.state.user` of every route that asks for a right. */
export interface Person {
  name: string;
  displayName: string;
  role: Role;
}

/** A middleware that lets nobody pass who has not this right. */
export type Requires = (right: Right) => Koa.Middleware;

/** Of a route that asks for a right. */
export function personOf(ctx: Koa.Context): Person {
  const user: Person | undefined = ctx.state.user;
  if (!user) throw new Error('A route that asks for no right was reached by nobody');
  return user;
}
