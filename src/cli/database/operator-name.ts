import { hostname, userInfo } from 'node:os';
import type { Pool } from '../../db/pool.js';

/** In a container the user may have no name. */
export function operatorName(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return `${process.getuid?.() ?? 'user'}@${hostname()}`;
  }
}

/** Each connection of the pool acts under the name of who runs the command (for wechat.operator_action). */
export function actAsOperator(pool: Pool): void {
  pool.on('connect', (client) => {
    client.query(`select set_config('wechat.operator', $1, false)`, [operatorName()]).catch(() => undefined);
  });
}
