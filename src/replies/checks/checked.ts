import { type Reply, text } from '../../wechat/out/reply.js';
import { type FitOptions, fitReplies } from '../fit.js';
import type { Awaitable, ReplyContext, ReplyResult } from '../router.js';
import { type Answer, Deferred } from '../source.js';
import type { Check, Finding, Verdict } from './check.js';
import { stopNote } from './notes.js';

/** What the checks made of an answer: fitted already. */
export class Checked {
  constructor(readonly outcome: CheckedOutcome) {}
}

export type CheckedOutcome =
  | {
      kind: 'replies';
      replies: Reply[];
      cut: string | undefined;
      note?: string | undefined;
      handOver?: string | undefined;
      findings: readonly Finding[];
    }
  | { kind: 'refused'; problem: string; findings: readonly Finding[] };

export type CheckedAnswer = (context: ReplyContext) => Awaitable<ReplyResult | Deferred | Checked>;

/**
 * The answer, looked through by all checks in their order, reply by reply, once it is fitted: so they see what would be sent. What they
 * change is fitted again. All of it is within the time of the reply logic.
 */
export function checked(answer: Answer, checks: readonly Check[], fit: FitOptions): CheckedAnswer {
  if (checks.length === 0) return answer;
  return async (context) => {
    const result = await answer(context);
    if (result instanceof Deferred) return result;
    const fitted = fitReplies(result, fit);
    if (fitted.kind === 'refused') return new Checked({ ...fitted, findings: [] });
    return new Checked(await lookThrough(fitted, checks, context, fit));
  };
}

type Stop = Extract<Verdict, { kind: 'refuse' | 'handOver' }>;

async function lookThrough(
  { replies, cut }: { replies: readonly Reply[]; cut: string | undefined },
  checks: readonly Check[],
  context: ReplyContext,
  fit: FitOptions,
): Promise<CheckedOutcome> {
  const findings: Finding[] = [];
  const passed: Reply[] = [];
  let stop: (Stop & { position: number }) | undefined;
  for (const [index, reply] of replies.entries()) {
    const position = index + 1;
    const verdict = await lookAt(reply, position, checks, context);
    findings.push(...(verdict.findings ?? []));
    if (verdict.kind === 'pass') passed.push(verdict.reply);
    // All are looked at, for the record. A person who is asked for is worth more than a refusal.
    if (verdict.kind === 'handOver' && stop?.kind !== 'handOver') stop = { ...verdict, position };
    if (verdict.kind === 'refuse') stop ??= { ...verdict, position };
  }
  if (stop) return { ...stopped(stop), findings };
  const isSame = passed.length === replies.length && passed.every((reply, index) => reply === replies[index]);
  if (isSame) return { kind: 'replies', replies: passed, cut, findings };
  const fitted = fitReplies(passed, fit);
  if (fitted.kind === 'refused') return { ...fitted, findings };
  return { kind: 'replies', replies: fitted.replies, cut: fitted.cut ?? cut, findings };
}

/** One check after the other, each of what the one before made of it. */
async function lookAt(
  given: Reply,
  position: number,
  checks: readonly Check[],
  context: ReplyContext,
): Promise<Verdict> {
  const findings: Finding[] = [];
  let reply = given;
  for (const check of checks) {
    const verdict = await check(reply, context, position);
    findings.push(...(verdict.findings ?? []));
    if (verdict.kind !== 'pass') return { ...verdict, findings };
    reply = verdict.reply;
  }
  return { kind: 'pass', reply, findings };
}

function stopped(stop: Stop & { position: number }): Omit<CheckedOutcome, 'findings'> & CheckedOutcome {
  const { kind, reason, instead, position } = stop;
  const note = stopNote(position, reason);
  if (kind === 'refuse' && instead === undefined) return { kind: 'refused', problem: note, findings: [] };
  return {
    kind: 'replies',
    replies: instead === undefined ? [] : [text(instead)],
    cut: undefined,
    note,
    handOver: kind === 'handOver' ? reason : undefined,
    findings: [],
  };
}
