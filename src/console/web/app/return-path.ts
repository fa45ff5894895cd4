/** Where a sign-in leads to: a place of this page, and never another address. */
export function returnPath(to: unknown): string {
  return typeof to === 'string' && /^\/(?!\/)/.test(to) ? to : '/now';
}
