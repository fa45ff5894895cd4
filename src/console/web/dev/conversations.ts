import type { FakeRoutes } from './routes.js';

export const conversationRoutes = {} satisfies FakeRoutes;
