import type { FakeRoutes } from './routes.js';

export const historyRoutes = {} satisfies FakeRoutes;
