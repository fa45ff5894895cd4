import type { Pause } from '../../accounts/pauses.js';
import { localTime } from '../terminal/format.js';
import type { Words } from '../words/index.js';

/** What rests, why, and until when. */
export function describeRest(
  { appId, reason, errcode, errmsg, pausedAt, probeAt }: Pause,
  { commands: { pause: words } }: Words,
): string {
  const said = [errcode, errmsg].filter((part) => part !== undefined).join(' ');
  const cause = said ? `${reason}: ${said}` : reason;
  const end = probeAt ? words.probedAt(localTime(probeAt)) : words.untilResumed(appId);
  return words.rests(appId, localTime(pausedAt), cause, end);
}
