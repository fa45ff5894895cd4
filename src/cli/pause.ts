import { describePause, readPauses } from '../accounts/pauses.js';
import { localTime, print, printJson } from './format.js';
import { type Environment, withDatabase } from './operator-session.js';

export interface PauseOptions {
  environment: Environment;
  appId: string;
  json: boolean;
}

/** `wechat-outbox pause ACCOUNT`: its sends rest, in all processes, until resumed. */
export async function pauseCommand({
  environment,
  appId,
  reason,
  json,
}: PauseOptions & { reason: string | undefined }): Promise<void> {
  await withDatabase(environment, async (pool) => {
    await pool.query('select wechat.pause($1, $2)', [appId, reason ?? null]);
    const pause = (await readPauses(pool)).find((one) => one.appId === appId);
    if (json) printJson({ account: appId, paused: true, reason: reason ?? null });
    else if (pause) print(describePause(pause, localTime));
  });
}

/** `wechat-outbox resume ACCOUNT`: ends a pause, whoever began it. */
export async function resumeCommand({ environment, appId, json }: PauseOptions): Promise<void> {
  await withDatabase(environment, async (pool) => {
    const { rows } = await pool.query<{ resumed: boolean }>('select wechat.resume($1) as resumed', [appId]);
    const resumed = rows[0]?.resumed ?? false;
    if (json) printJson({ account: appId, paused: false, wasPaused: resumed });
    else print(resumed ? `${appId} goes on` : `${appId} was not paused`);
  });
}
