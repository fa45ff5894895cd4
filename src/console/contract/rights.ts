/** What a person may be, and what each may do. The server asks this table before every action; the page, to hide what would be refused. */
export const roles = ['viewer', 'agent', 'analyst', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

export const rights = ['read', 'chat', 'analyse', 'operate', 'rule', 'manage'] as const;
/**
 * - read: what came, what went, and why not
 * - chat: hold conversations and answer in them
 * - analyse: figures over all, and their CSV
 * - operate: requeue, cancel, pause, resume
 * - rule: change the rules that answer
 * - manage: users of the console and their sessions
 */
export type Right = (typeof rights)[number];

const rightsOf: Readonly<Record<Role, readonly Right[]>> = {
  viewer: ['read'],
  agent: ['read', 'chat'],
  analyst: ['read', 'analyse'],
  operator: ['read', 'chat', 'analyse', 'operate', 'rule'],
  admin: ['read', 'chat', 'analyse', 'operate', 'rule', 'manage'],
};

export function may(role: Role, right: Right): boolean {
  return rightsOf[role].includes(right);
}
