/**
 * Every advisory lock that we take, so that no two mean the same. Postgres keeps locks of one number apart from those of
 * two; ours of two numbers share the first, and so the place where they show in pg_locks (classid).
 */
export const lockClass = 1467502434;

export const advisoryLocks = {
  /** One number. One process migrates, the others wait and find it done. */
  migrate: lockClass,
  /**
   * Two numbers, (class, id of the worker), for as long as the session lasts: the worker lives (`wechat.worker_lives`). Ids are positive, so the
   * locks below are none of theirs.
   */
  alive: lockClass,
  /** Two numbers, (class, 0), for a transaction: one process reconciles. */
  reconcile: 0,
  /** Two numbers, (class, -1), for a transaction: one process deletes old messages. */
  retention: -1,
  /** Two numbers, (class, -2), for a transaction: one process forgets users who left. */
  forget: -2,
  /** Two numbers, (class, -3), for a transaction: one process at a time makes room for files of users. */
  inboundMedia: -3,
  /** Two numbers, (class, -5), for a transaction: one process counts days. */
  figures: -5,
  /** Two numbers, (class, -4), for a transaction: who changes the phase of a move has it alone, who acts on an account shares it. */
  accountMove: -4,
} as const;

/** One number, a digest of this name, for a transaction: one process decides about the renewal of a credential. */
export function credentialLock(kind: string, appId: string): string {
  return `wechat ${kind} ${appId}`;
}

/** One number, a digest of this name, for a session: one command at a time moves the account. */
export function moveLock(appId: string): string {
  return `wechat move ${appId}`;
}
