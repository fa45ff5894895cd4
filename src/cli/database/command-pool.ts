import { createPool, type Pool } from '../../db/pool.js';
import { operatorName } from './operator-name.js';

/** Connections of one command, which act under the name of who runs it (for wechat.operator_action). */
export function openCommandPool(options: {
  connectionString: string;
  max: number;
  statementTimeoutMs: number;
}): Pool {
  return createPool({ ...options, name: 'command', operator: operatorName(), onError: () => undefined });
}
