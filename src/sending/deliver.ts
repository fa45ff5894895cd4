import type { Part } from '../observe/tracing.js';
import { createWideLines } from '../observe/wide-lines.js';
import type { SettleResult } from '../outbox/settle.js';
import type { SendOutcome } from '../wechat/out/client.js';
import { beginDelivery, step } from './attempt.js';
import type { AttemptEffect, AttemptEnd, AttemptEvent } from './attempt-state.js';
import { obstacleTo, prepare } from './prepare.js';
import {
  type DeliverDependencies,
  type DeliverTask,
  leaveGate,
  moment,
  type Run,
  type Tools,
} from './run.js';
import { writeDown } from './write-down.js';

/** What became of it; `result`: of the message that was closed along with it. */
export type DeliverEnd = Exclude<AttemptEnd, { kind: 'closed' }> | { kind: 'settled'; result: SettleResult };

export type Deliver = (task: DeliverTask) => Promise<DeliverEnd>;

/** Carries out what an attempt's steps (attempt.ts) ask for, until the delivery is done for now. */
export function createDeliver(dependencies: DeliverDependencies): Deliver {
  const tools: Tools = { ...dependencies, lines: createWideLines(dependencies.log) };

  return async (task) => {
    const { begun, delivery, rules } = task;
    const run: Run = {
      task,
      token: begun?.token,
      ready: begun && { payload: delivery.payload, used: [] },
      leave: begun?.leave,
      isInside: begun !== undefined,
      result: undefined,
    };
    const stored = begun && { isStale: !tools.leaves.isFresh(begun.leave) };
    try {
      let { state, effect } = beginDelivery(rules, delivery, stored, moment(tools));
      while (effect.kind !== 'done') ({ state, effect } = step(state, await carryOut(tools, run, effect)));
      const { end } = effect;
      return end.kind === 'closed' ? { kind: 'settled', result: run.result ?? 'refused' } : end;
    } finally {
      leaveGate(tools, run);
    }
  };
}

function carryOut(
  tools: Tools,
  run: Run,
  effect: Exclude<AttemptEffect, { kind: 'done' }>,
): Promise<AttemptEvent> {
  switch (effect.kind) {
    case 'prepare':
      return prepare(tools, run, effect.renew);
    case 'admit':
      return admit(tools, run);
    case 'begin':
      return begin(tools, run, effect.attempt);
    case 'call':
      return call(tools, run);
    case 'record':
      return writeDown(tools, run, effect.record);
  }
}

async function admit(tools: Tools, run: Run): Promise<AttemptEvent> {
  const { account, message } = run.task;
  if (!(await tools.gate.enter(account, message.isUrgent))) return { kind: 'stopping' };
  run.isInside = true;
  const obstacle = obstacleTo(tools, run);
  if (!obstacle) return { kind: 'admitted' };
  leaveGate(tools, run);
  return obstacle;
}

/** Asked when the request is about to be written, and dated from when it was asked for. */
async function begin(tools: Tools, run: Run, attempt: number): Promise<AttemptEvent> {
  const { lane, delivery } = run.task;
  const leave = tools.leaves.ask();
  const { laneId, claim } = lane;
  if (!(await tools.begin({ laneId, claim, deliveryId: delivery.id, attempt })))
    return { kind: 'refused', at: moment(tools) };
  run.leave = leave;
  return { kind: 'begun', isStale: !tools.leaves.isFresh(leave) };
}

async function call(tools: Tools, run: Run): Promise<AttemptEvent> {
  const { lane, account } = run.task;
  const { token, ready, leave } = run;
  if (token === undefined || !ready || !leave) throw new Error('A call without a token, a body or leave');
  const startedAt = tools.clock();
  const outcome = await tools.tracing.within(attemptOf(run), () =>
    tools.clients.sends(account.appId).sendMessage(token, lane.openid, ready.payload, {
      mayWrite: () => tools.leaves.isFresh(leave),
    }),
  );
  if (outcome.kind === 'transient' && outcome.unwritten) return { kind: 'unwritten' };
  // What is written down next keeps no other message from being sent.
  leaveGate(tools, run);
  return { kind: 'responded', outcome, about: aboutWhom(tools, run, outcome), startedAt, at: moment(tools) };
}

/** As a trace has it: whose message it is and what it says stays out of it. */
function attemptOf({ task: { account, delivery } }: Run): Part<SendOutcome> {
  return {
    name: 'POST /cgi-bin/message/custom/send',
    kind: 'call',
    attributes: () => ({
      'http.request.method': 'POST',
      'url.template': '/cgi-bin/message/custom/send',
      'wechat.app_id': account.appId,
      'wechat.msg_type': delivery.payload.msgtype,
      'wechat_outbox.delivery_id': delivery.id,
      'wechat_outbox.position': delivery.position,
    }),
    conclude: (outcome) => ({
      attributes: {
        'wechat_outbox.outcome': outcome.kind,
        ...('httpStatus' in outcome && outcome.httpStatus !== undefined
          ? { 'http.response.status_code': outcome.httpStatus }
          : {}),
        ...(outcome.kind === 'refused' ? { 'wechat.errcode': outcome.errcode } : {}),
      },
      error: outcome.kind === 'sent' ? undefined : outcome.kind,
    }),
  };
}

function aboutWhom(tools: Tools, { task }: Run, outcome: SendOutcome): 'account' | 'message' {
  const { account, delivery, lane, rules } = task;
  if (outcome.kind === 'sent') tools.evidence.accepted(account.appId);
  if (outcome.kind !== 'refused') return 'message';
  const { payload } = delivery;
  const probes = rules.isProbe ? tools.pauses.causeOf(account.appId) : undefined;
  const refused = { call: 'send', payload, openid: lane.openid, probes } as const;
  return tools.evidence.judge(account.appId, outcome.errcode, refused);
}
