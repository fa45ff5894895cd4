import { isOutage } from '../db/errors.js';
import { classifyErrcode, TokenError } from '../wechat/out/errors.js';
import type { AttemptEvent } from './attempt-state.js';
import type { Outcome } from './decide.js';
import type { Resolved } from './media.js';
import { moment, type Run, type Tools } from './run.js';

/** Has a token and media_ids: before a slot is taken, for this may take long. */
export async function prepare(
  tools: Tools,
  run: Run,
  renew: 'token' | 'media' | undefined,
): Promise<AttemptEvent> {
  const { account } = run.task;
  const obstacle = obstacleTo(tools, run);
  if (obstacle) return obstacle;
  let token: string;
  try {
    token = await obtainToken(tools, run, renew);
  } catch (error) {
    const outcome = describeTokenError(error);
    return { kind: 'unprepared', wanting: 'access token', outcome, about: 'account', at: moment(tools) };
  }
  run.token = token;
  try {
    const resolved = await obtainMedia(tools, run, token, renew);
    if (resolved.kind !== 'ready') return withoutMedia(tools, account.appId, toOutcome(resolved));
    run.ready = resolved;
    return { kind: 'prepared', hasUploads: resolved.used.length > 0 };
  } catch (error) {
    return withoutMedia(tools, account.appId, describeOutage(error));
  }
}

/** Once it has them, only what WeChat refused is had anew. */
async function obtainMedia(
  { media }: Tools,
  { task, ready }: Run,
  token: string,
  renew: 'token' | 'media' | undefined,
): Promise<Resolved> {
  if (renew === 'media') await media.forget(ready?.used ?? []);
  else if (ready) return { kind: 'ready', payload: ready.payload, used: [...ready.used] };
  return media.resolve(task.account, token, task.delivery.payload);
}

/** What keeps an attempt from being begun, whatever it needs. */
export function obstacleTo(tools: Tools, { task }: Run): AttemptEvent | undefined {
  if (tools.drain.aborted) return { kind: 'stopping' };
  if (tools.pauses.isPaused(task.account.appId) && !task.rules.isProbe)
    return { kind: 'resting', at: moment(tools) };
  return undefined;
}

function obtainToken({ tokens }: Tools, run: Run, renew: 'token' | 'media' | undefined): Promise<string> {
  const { account } = run.task;
  if (run.token === undefined) return tokens.get(account);
  return renew === 'token' ? tokens.replace(account, run.token) : Promise.resolve(run.token);
}

function withoutMedia(tools: Tools, appId: string, outcome: Outcome): AttemptEvent {
  const isOfAccount = outcome.kind === 'refused' && outcome.errorClass === 'account';
  const about = isOfAccount ? tools.evidence.judge(appId, outcome.errcode, { call: 'upload' }) : 'message';
  return { kind: 'unprepared', wanting: 'media', outcome, about, at: moment(tools) };
}

/** To upload twice does no harm: an unknown outcome is one to try again. */
function toOutcome(problem: Exclude<Resolved, { kind: 'ready' }>): Outcome {
  switch (problem.kind) {
    case 'refused':
      return { kind: 'unusable', errmsg: problem.problem };
    case 'transient':
      return { kind: 'transient', errmsg: problem.problem };
    case 'quota':
      return { ...problem, kind: 'upload-quota' };
    case 'not-uploaded':
      return problem.outcome.kind === 'refused' ? problem.outcome : { ...problem.outcome, kind: 'transient' };
  }
}

/**
 * Besides WeChat, Postgres may keep us from a token: it is read from there. What WeChat refuses for good is about the account,
 * whatever its code: messages have nothing to do with it, so none shall use up its tries.
 */
function describeTokenError(error: unknown): Outcome {
  if (!(error instanceof TokenError)) return describeOutage(error);
  const { errcode, errmsg } = error;
  if (errcode === undefined) return { kind: 'transient', errmsg };
  if (classifyErrcode(errcode) === 'transient') return { kind: 'transient', errmsg };
  const errorClass = error.errorClass === 'throttled' ? 'throttled' : 'account';
  return { kind: 'refused', httpStatus: 200, errcode, errmsg, errorClass };
}

/** @throws what is no outage */
function describeOutage(error: unknown): Outcome {
  if (isOutage(error)) return { kind: 'transient', errmsg: `database away: ${error}` };
  throw error;
}
