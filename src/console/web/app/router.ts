import { createRouter, createWebHashHistory, type RouteRecordRaw, type Router } from 'vue-router';
import type { Right } from '../../contract/rights.js';
import type { Place } from './places.js';
import { places } from './places.js';
import { returnPath } from './return-path.js';
import type { Session } from './session.js';

declare module 'vue-router' {
  interface RouteMeta {
    /** What the navigation marks while this is open, and what the page is called by. */
    place?: Place;
  }
}

const routes: RouteRecordRaw[] = [
  { path: '/', redirect: '/now' },
  { path: '/sign-in', name: 'sign-in', component: () => import('../pages/SignIn.vue') },
  { path: '/no-right', name: 'no-right', component: () => import('../pages/NoRight.vue') },
  { path: '/now', name: 'now', meta: { place: 'now' }, component: () => import('../pages/Now.vue') },
  {
    path: '/messages',
    name: 'messages',
    meta: { place: 'messages' },
    component: () => import('../pages/Messages.vue'),
  },
  {
    path: '/messages/:id(\\d+)',
    name: 'message',
    meta: { place: 'messages' },
    props: true,
    component: () => import('../pages/Message.vue'),
  },
  {
    path: '/deliveries',
    name: 'deliveries',
    meta: { place: 'deliveries' },
    component: () => import('../pages/Deliveries.vue'),
  },
  { path: '/why', name: 'why', meta: { place: 'why' }, component: () => import('../pages/Why.vue') },
  { path: '/rules', name: 'rules', meta: { place: 'rules' }, component: () => import('../pages/Rules.vue') },
  {
    path: '/conversations',
    name: 'conversations',
    meta: { place: 'conversations' },
    component: () => import('../pages/Conversations.vue'),
  },
  {
    path: '/conversations/:account/:openid',
    name: 'chat',
    meta: { place: 'conversations' },
    props: true,
    component: () => import('../pages/Chat.vue'),
  },
  {
    path: '/analytics',
    name: 'analytics',
    meta: { place: 'analytics' },
    component: () => import('../pages/Analytics.vue'),
  },
  {
    path: '/actions',
    name: 'actions',
    meta: { place: 'actions' },
    component: () => import('../pages/Actions.vue'),
  },
  {
    path: '/accounts',
    name: 'accounts',
    meta: { place: 'accounts' },
    component: () => import('../pages/Accounts.vue'),
  },
  { path: '/users', name: 'users', meta: { place: 'users' }, component: () => import('../pages/Users.vue') },
  { path: '/:rest(.*)*', name: 'nowhere', component: () => import('../pages/Nowhere.vue') },
];

/** Nobody gets past the sign-in; a page that one has no right to says so. */
export function createPageRouter(session: Session): Router {
  const router = createRouter({
    history: createWebHashHistory(),
    routes,
    scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  });
  router.beforeEach(async (to) => {
    const view = session.view ?? (await session.load());
    if (to.name === 'sign-in') return view.user ? { path: returnPath(to.query.to) } : true;
    if (!view.user) return { name: 'sign-in', query: { to: to.fullPath } };
    const right = rightFor(to.meta.place);
    return right === undefined || session.can(right)
      ? true
      : { name: 'no-right', query: { place: to.meta.place } };
  });
  return router;
}

function rightFor(name: Place | undefined): Right | undefined {
  return places.find((place) => place.name === name)?.right;
}
