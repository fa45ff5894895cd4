import type { ContextServices } from '../context.js';
import { createHistory } from './history.js';
import { createOnce, type OnceDependencies } from './once.js';
import { createState } from './state.js';

export interface ContextServicesDependencies extends OnceDependencies {
  call: ContextServices['call'];
}

export function createContextServices({ pool, durably, call }: ContextServicesDependencies): ContextServices {
  return {
    history: createHistory(pool),
    state: createState(pool),
    once: createOnce({ pool, durably }),
    call,
  };
}
