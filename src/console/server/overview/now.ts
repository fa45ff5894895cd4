import type { Pool } from '../../../db/pool.js';
import type { Language } from '../../../lib/language.js';
import type { Now } from '../../contract/overview.js';
import { createFigures, type Figures } from './figures.js';
import { type FoundPause, inLanguage, pausesSql } from './pauses.js';

/** As Now, for readers of any language. */
export type Look = Omit<Now, 'pauses'> & { pauses: FoundPause[] };

export function nowFor({ pauses, ...look }: Look, language: Language): Now {
  return { ...look, pauses: pauses.map((pause) => inLanguage(pause, language)) };
}

/** Every worker gives a sign of life each two seconds. The cost of all of it is that of what waits, not of the history. */
const standSql = `
  select now() as at,
    (select coalesce(json_agg(json_build_object(
       'account', app_id, 'state', state, 'messages', messages,
       'oldestMs', round(extract(epoch from now() - oldest_at) * 1000)) order by app_id, state), '[]')
     from wechat.backlog()) as backlog,
    (select count(*)::int from wechat.handover) as "withAgent",
    (select coalesce(json_agg(json_build_object(
       'id', w.id, 'hostname', w.hostname, 'pid', w.pid, 'startedAt', w.started_at,
       'heartbeatMs', round(extract(epoch from now() - w.heartbeat_at) * 1000),
       'holds', coalesce(held.lanes, 0),
       'missing', w.missing_since is not null or w.heartbeat_at < now() - interval '15 seconds') order by w.id), '[]')
     from wechat.worker_process w
     left join (select worker_id, count(*) as lanes from wechat.lane where worker_id is not null group by 1) held
       on held.worker_id = w.id
     where w.ended_at is null) as workers,
    (${pausesSql}) as pauses`;

interface Stand {
  at: Date;
  backlog: Now['backlog'];
  withAgent: number;
  workers: Now['workers'];
  pauses: FoundPause[];
}

/** Looks at how things stand; keeps figures that are dear between two looks. */
export function createNow(pool: Pool): () => Promise<Look> {
  const figures = createFigures(pool);
  return async () => {
    const { rows } = await pool.query<Stand>(standSql);
    const [stand] = rows;
    if (!stand) throw new Error('the look gave no row');
    return toLook(stand, await figures.read(stand.at));
  };
}

function toLook({ at, backlog, workers, ...stand }: Stand, figures: Figures): Look {
  const waiting = backlog.reduce((sum, { messages }) => sum + messages, 0);
  return {
    ...stand,
    at: at.toISOString(),
    waiting,
    oldestMs: backlog.length > 0 ? Math.max(...backlog.map(({ oldestMs }) => oldestMs)) : null,
    backlog,
    ...figures,
    workers: workers.map((worker) => ({ ...worker, startedAt: new Date(worker.startedAt).toISOString() })),
    noWorker: workers.every(({ missing }) => missing),
  };
}
