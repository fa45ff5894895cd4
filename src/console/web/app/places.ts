import type { Right } from '../../contract/rights.js';

/** Where the navigation leads, in its order. `key` goes there after a `g`. */
export const places = [
  { name: 'now', right: 'read', key: 'n', icon: 'pulse' },
  { name: 'conversations', right: 'read', key: 'c', icon: 'chat' },
  { name: 'messages', right: 'read', key: 'm', icon: 'inbox' },
  { name: 'deliveries', right: 'read', key: 'd', icon: 'send' },
  { name: 'why', right: 'read', key: 'w', icon: 'question' },
  { name: 'rules', right: 'read', key: 'r', icon: 'rules' },
  { name: 'analytics', right: 'analyse', key: 'a', icon: 'chart' },
  { name: 'actions', right: 'read', key: 'o', icon: 'list' },
  { name: 'accounts', right: 'read', key: 'k', icon: 'card' },
  { name: 'users', right: 'manage', key: 'u', icon: 'people' },
] as const satisfies readonly { name: string; right: Right; key: string; icon: string }[];

export type Place = (typeof places)[number]['name'];
