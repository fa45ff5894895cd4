import type Router from '@koa/router';
import type { ConsoleParts } from '../../service/console.js';
import type { Requires } from './http/person.js';

/** What every area may use; each names in its own type what it does. */
export interface AreaDependencies extends ConsoleParts {
  requires: Requires;
  /** Whether the session of this request still is, and may do so: a stream that stays open asks from time to time. */
  stillMay: StillMay;
  /** Aborted when the process stops: a stream that stays open must end, or the port would not. */
  stopping: AbortSignal;
}

export type StillMay = (ctx: { state: object }) => Promise<boolean>;

/** A part of the API. Its paths are relative to `/api`: `/messages/:id`. */
export type Area = (dependencies: AreaDependencies) => Router;
