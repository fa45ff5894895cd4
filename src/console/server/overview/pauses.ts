import type { Pool } from '../../../db/pool.js';
import type { Language } from '../../../lib/language.js';
import { describeErrcode } from '../../../wechat/out/errors.js';
import type { Pause } from '../../contract/overview.js';

export interface FoundPause {
  account: string;
  reason: Pause['reason'];
  code: number | null;
  error: string | null;
  since: string;
  probeAt: string | null;
  waiting: number;
}

/** Accounts that rest, and how much waits there, as JSON. */
export const pausesSql = `
  select coalesce(json_agg(json_build_object(
    'account', p.app_id, 'reason', p.reason, 'code', p.errcode, 'error', p.errmsg, 'since', p.paused_at, 'probeAt', p.probe_at,
    'waiting', (select coalesce(sum(l.waiting), 0)::int from wechat.lane l where l.app_id = p.app_id)) order by p.app_id), '[]')
  from wechat.account_pause p`;

export async function readPauses(pool: Pool): Promise<FoundPause[]> {
  const { rows } = await pool.query<{ pauses: FoundPause[] }>(`select (${pausesSql}) as pauses`);
  return rows[0]?.pauses ?? [];
}

/** What to do about WeChat's code, in a language. */
export function inLanguage(pause: FoundPause, language: Language): Pause {
  const { since, probeAt, code } = pause;
  return {
    ...pause,
    remedy: (code === null ? undefined : describeErrcode(code, language)?.remedy) ?? null,
    since: new Date(since).toISOString(),
    probeAt: probeAt === null ? null : new Date(probeAt).toISOString(),
  };
}
