import type { DeliveryEnd } from '../outbox/end.js';
import { describeErrcode } from '../wechat/out/errors.js';
import { logRecord } from './attempt-log.js';
import type { AttemptEvent, AttemptRecord } from './attempt-state.js';
import { leaveGate, type Run, type Tools } from './run.js';

/** Puts on record what became of an attempt, and lets the account rest or go on by it. */
export async function writeDown(tools: Tools, run: Run, record: AttemptRecord): Promise<AttemptEvent> {
  const { lane, message, account, delivery } = run.task;
  leaveGate(tools, run);
  const { id: messageId, requestId, traceparent } = message;
  const ids = { appId: account.appId, messageId, deliveryId: delivery.id, requestId, traceparent };
  logRecord(tools, ids, record);
  // Before the refusal is on record: who sees it there may rely on the pause.
  await pauseAccount(tools, run, record);
  const isHeld = record.closes
    ? await close(tools, run, record)
    : await tools.end({ laneId: lane.laneId, claim: lane.claim, ...toEnd(delivery.id, record) });
  if (record.resumes && (await tools.pauses.resume(account.appId)))
    tools.log.info({ event: 'account_resumed', app_id: account.appId, by: 'probe' }, 'account resumed');
  return { kind: 'recorded', isHeld };
}

/** The message goes with its last delivery, in one statement. */
async function close(tools: Tools, run: Run, record: AttemptRecord): Promise<true> {
  const { lane, delivery, note } = run.task;
  const { restStatus, decision } = record;
  run.result = await tools.settle({
    lane,
    status: 'settled',
    error: note,
    end: toEnd(delivery.id, record),
    rest: restStatus && {
      status: restStatus,
      errcode: decision.errcode,
      errmsg: record.call
        ? `not tried: reply ${delivery.position} failed with ${decision.errcode ?? decision.errmsg}`
        : decision.errmsg,
    },
  });
  return true;
}

function toEnd(deliveryId: string, { attempt, call: made, decision }: AttemptRecord): DeliveryEnd {
  const { errcode, errmsg, status, failures, delayMs, httpStatus } = decision;
  const call = made && { ...made, httpStatus };
  return { deliveryId, attempt, call, errcode, errmsg, status, failures, delayMs };
}

/** A refusal of the account itself comes with what a person has to do. */
async function pauseAccount(tools: Tools, run: Run, { decision }: AttemptRecord): Promise<void> {
  const { pause, errcode, errmsg } = decision;
  if (!pause) return;
  const { lane, account } = run.task;
  const words = explain(errcode, errmsg);
  const cause = { appId: account.appId, laneId: lane.laneId, errcode, errmsg: words, ...pause };
  if (!(await tools.pauses.pause(cause))) return;
  tools.log.error(
    { event: 'account_paused', app_id: account.appId, ...pause, errcode, errmsg: words },
    'account paused',
  );
}

/** What WeChat said, what that means, and what to do about it. */
function explain(errcode: number | undefined, errmsg: string): string {
  const known = errcode === undefined ? undefined : describeErrcode(errcode);
  if (!known) return errmsg;
  // A token call is refused with 40001 for a wrong secret: there the remedy of a token that ended is none.
  const remedy = known.class === 'token' ? '' : ` ${known.remedy}`;
  return `${errmsg} (${known.reason}.${remedy})`;
}
