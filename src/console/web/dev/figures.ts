import type { FakeRoutes } from './routes.js';

/** Analytics, actions, accounts, users. */
export const figureRoutes = {} satisfies FakeRoutes;
