import type { Pool } from '../../db/pool.js';
import { type OpenMessage, type RestorePoint, readTakenBack } from '../../history/after-restore.js';
import { localTime } from '../terminal/format.js';
import type { Words } from '../words/index.js';
import type { Finding } from './finding.js';
import { type LoggedLoss, type Restored, type RestoreFlags, readRestored } from './restored.js';

/** What a restore to a moment has lost, what will be done again, and what nobody can know. It changes nothing. */
export async function checkAfterRestore(pool: Pool, flags: RestoreFlags, words: Words): Promise<Finding[]> {
  const { afterRestore: say } = words.doctor;
  const restored = await readRestored(pool, flags);
  if (!restored) return [{ level: 'ok', what: 'restore', found: say.notRestored, todo: say.namePoint }];
  return [
    describePoint(restored.point, words),
    describeLost(restored.logged, words),
    ...describeOpen(restored, words),
    ...(await describeTakenBack(pool, restored.point, words)),
  ];
}

function describePoint({ at, seenAt, timeline }: RestorePoint, { doctor, terminal }: Words): Finding {
  const { afterRestore: say } = doctor;
  const gap = terminal.duration(Math.max(0, (seenAt ?? new Date()).getTime() - at.getTime()));
  return {
    level: 'warn',
    what: 'restore',
    found: seenAt
      ? say.wentOn(localTime(at), localTime(seenAt), gap, timeline)
      : say.notStarted(localTime(at), gap, timeline),
    todo: say.failover,
  };
}

function describeLost(logged: LoggedLoss | undefined, { doctor: { afterRestore: say } }: Words): Finding {
  if (!logged) return { level: 'warn', what: 'lost', found: say.lostUnknown, todo: say.giveLog };
  const { lost } = logged;
  return {
    level: lost.length > 0 ? 'warn' : 'ok',
    what: 'lost',
    found: say.lost(lost.length),
    todo: say.lostTodo,
    details: lost.map(({ at, appId, requestId, type }) => `${localTime(at)} ${appId} ${type} ${requestId}`),
  };
}

function describeOpen({ open, logged }: Restored, { doctor: { afterRestore: say } }: Words): Finding[] {
  const planned = open.filter(({ toSend }) => toSend > 0);
  const unplanned = open.filter(({ toSend }) => toSend === 0);
  const deliveries = planned.reduce((sum, { toSend }) => sum + toSend, 0);
  const underWay = planned.reduce((sum, message) => sum + message.underWay, 0);
  const ids = (messages: readonly OpenMessage[]) => messages.map(({ id }) => id);
  const findings: Finding[] = [
    {
      level: planned.length > 0 ? 'warn' : 'ok',
      what: 'to send again',
      found: say.toSend(deliveries, planned.length, underWay, span(planned)),
      todo: say.holdOrGo,
      details: ids(planned),
    },
    {
      level: unplanned.length > 0 ? 'warn' : 'ok',
      what: 'to answer again',
      found: say.toAnswer(unplanned.length, span(unplanned)),
      todo: say.holdOrGo,
      details: ids(unplanned),
    },
  ];
  if (logged)
    findings.push({
      level: logged.answered.length > 0 ? 'warn' : 'ok',
      what: 'sent by the log',
      found: say.answered(logged.answered.length, open.length),
      todo: say.holdAnswered,
      details: ids(logged.answered),
    });
  return findings;
}

/** From the first to the last of them, in local time. */
function span(messages: readonly OpenMessage[]): { from: string; to: string } | undefined {
  const [first, last] = [messages[0], messages.at(-1)];
  return first && last && { from: localTime(first.receivedAt), to: localTime(last.receivedAt) };
}

async function describeTakenBack(
  pool: Pool,
  point: RestorePoint,
  { doctor: { afterRestore: say } }: Words,
): Promise<Finding[]> {
  const taken = await readTakenBack(pool, point);
  const findings: Finding[] = [];
  const tell = (level: Finding['level'], what: string, found: string, todo?: string) =>
    findings.push({ level, what, found, ...(todo !== undefined && { todo }) });
  if (taken.attemptedSince > 0) tell('warn', 'sent since', say.attemptedSince(taken.attemptedSince));
  for (const { appId, kind, refreshedAt } of taken.credentials)
    tell('ok', 'token', say.token(appId, kind, localTime(refreshedAt)));
  if (taken.deadWorkers > 0) tell('ok', 'workers', say.deadWorkers(taken.deadWorkers));
  if (taken.handovers > 0) tell('warn', 'handovers', say.handovers(taken.handovers), say.lookAtHandovers);
  if (taken.callbacks > 0) tell('warn', 'callbacks', say.callbacks(taken.callbacks));
  tell('warn', 'forgotten users', say.forgotten, say.forgetAgain);
  tell('ok', 'taken back', say.takenBack);
  return findings;
}
