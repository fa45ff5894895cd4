import type { Role } from '../../contract/rights.js';

/** Who is signed in: `ctx.state.user` of every route that asks for a right. */
export interface Person {
  name: string;
  displayName: string;
  role: Role;
}
