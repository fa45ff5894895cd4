import type { ContextServices } from '../context.js';
import { createHistory, type HistoryDependencies } from './history.js';
import { createOnce, type OnceDependencies } from './once.js';
import { createState } from './state.js';

export interface ContextServicesDependencies extends OnceDependencies, HistoryDependencies {
  call: ContextServices['call'];
}

export function createContextServices({
  pool,
  durably,
  giveUp,
  call,
}: ContextServicesDependencies): ContextServices {
  return {
    history: createHistory({ pool, giveUp }),
    state: createState(pool),
    once: createOnce({ pool, durably }),
    call,
  };
}
