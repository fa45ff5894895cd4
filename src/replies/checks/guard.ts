import type { Logger } from '../../observe/log.js';
import type { Metrics } from '../../observe/metrics.js';
import type { HeldLane, OpenMessage } from '../../outbox/lane.js';
import type { FieldMap } from '../../wechat/in/fields.js';
import { searchableText, toMessage } from '../../wechat/in/message.js';
import { text } from '../../wechat/out/reply.js';
import type { RunReplies, ServedAccount } from '../run.js';
import type { Thought } from '../think.js';
import { type CurrentWords, checkInbound } from '../words/check-words.js';
import type { Finding } from './check.js';
import { limitNote, stopNote } from './notes.js';
import type { Findings } from './record.js';
import type { Use, UseResult } from './usage.js';

export interface GuardDependencies {
  /** Undefined: there is no word list. */
  words: CurrentWords | undefined;
  use(use: Use): Promise<UseResult>;
  record(findings: Findings): Promise<void>;
  metrics: Pick<Metrics, 'wordsFound'>;
}

/**
 * Stands before the reply logic and behind it: what exceeds a user's limits, or holds words that are not answered, is ended without
 * running it; and what was found in its answer is on record before the answer is.
 */
export function createGuard(
  { words, use, record, metrics }: GuardDependencies,
  runReplies: RunReplies,
): RunReplies {
  async function beyondLimits(
    { appId, openid }: HeldLane,
    message: OpenMessage,
    { userLimits, limitNotice }: ServedAccount,
    log: () => Logger,
  ): Promise<Thought | undefined> {
    if (userLimits.length === 0 || !isCounted(message.fields)) return undefined;
    const used = await use({ appId, openid, messageId: message.id, limits: userLimits });
    if (used.kind === 'within') return undefined;
    const note = limitNote(used.limit);
    const isTold = used.isNoticeDue && limitNotice !== '';
    log().info({ event: 'user_limited', reason: note, notice: isTold }, 'user limited');
    return said(isTold ? limitNotice : undefined, { note });
  }

  async function unanswerable(
    lane: HeldLane,
    message: OpenMessage,
    log: () => Logger,
  ): Promise<Thought | undefined> {
    const list = words?.();
    if (!list?.categories.some(({ inbound }) => inbound)) return undefined;
    const found = checkInbound(list, [...message.merged, message.fields].flatMap(writtenIn));
    if (!found) return undefined;
    const { category, reason, findings } = found;
    await tell(lane, message, findings, log);
    const handOver = category.action === 'handOver' ? reason : undefined;
    return said(category.reply, { note: stopNote(0, reason), handOver });
  }

  async function tell(
    { appId }: HeldLane,
    { id }: OpenMessage,
    findings: readonly Finding[],
    log: () => Logger,
  ): Promise<void> {
    for (const finding of findings) {
      log().warn({ event: 'words_found', ...finding }, 'words found');
      metrics.wordsFound.inc({ account: appId, action: finding.action }, finding.places);
    }
    await record({ appId, messageId: id, findings });
  }

  return async (lane, message, account, log) => {
    const ended =
      (await beyondLimits(lane, message, account, log)) ?? (await unanswerable(lane, message, log));
    if (ended) return ended;
    const thought = await runReplies(lane, message, account, log);
    const findings = 'findings' in thought ? thought.findings : undefined;
    if (findings && findings.length > 0) await tell(lane, message, findings, log);
    return thought;
  };
}

function said(reply: string | undefined, more: { note: string; handOver?: string | undefined }): Thought {
  return { kind: 'replies', replies: reply === undefined ? [] : [text(reply)], cut: undefined, ...more };
}

function writtenIn(fields: FieldMap): string[] {
  const parsed = toMessage(fields);
  const text = parsed.ok ? searchableText(parsed.message) : undefined;
  return text === undefined ? [] : [text];
}

/** What users send, and what they tap and scan. Of other events many come by themselves. */
function isCounted({ MsgType, Event }: FieldMap): boolean {
  if (MsgType !== 'event') return true;
  return typeof Event === 'string' && ['click', 'scan'].includes(Event.toLowerCase());
}
