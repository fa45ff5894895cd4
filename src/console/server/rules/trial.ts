import type { AccountConfig } from '../../../config/account.js';
import { judge } from '../../../replies/rules/conditions.js';
import { isForDefault } from '../../../replies/rules/find.js';
import { parseRules } from '../../../replies/rules/parse.js';
import type { Rules } from '../../../replies/rules/rules.js';
import { type Saying, sayingOf } from '../../../replies/rules/say.js';
import { createSubject, type Subject } from '../../../replies/rules/subject.js';
import { createLocalTimes } from '../../../replies/rules/zone-time.js';
import type { Reply } from '../../../wechat/out/reply.js';
import type { RulesTrial, TryRules } from '../../contract/rules.js';
import type { Words } from '../words/index.js';
import { trialMessage } from './trial-message.js';

/** As many as anybody reads. */
const mostPassed = 100;

export interface Trial extends Pick<TryRules, 'text' | 'message' | 'account'> {
  at: Date;
}

/** Asks rules in the order in which they are tried. What an answer leaves to a service or a model is not asked for. */
export function tryRules(
  { text, message, account, at }: Trial,
  accounts: readonly AccountConfig[],
  words: Words['rules'],
): RulesTrial {
  const parsed = parseRules(text, 'rules');
  if (!parsed.ok) return { problems: [...parsed.problems], answer: null, passed: [], passedInAll: 0 };
  const found = accounts.find(({ appId }) => account === null || appId === account);
  const appId = found?.appId ?? account ?? '';
  const as = { appId, name: found?.name ?? appId };
  const subject = createSubject(trialMessage(message, at), as, createLocalTimes());
  return { problems: [], ...askInTurn(parsed.rules, subject, words) };
}

function askInTurn(
  { rules, defaultAnswer }: Rules,
  subject: Subject,
  words: Words['rules'],
): Omit<RulesTrial, 'problems'> {
  const passed: RulesTrial['passed'] = [];
  let passedInAll = 0;
  for (const rule of rules) {
    const { name, line, when, answer } = rule;
    const verdict = judge(rule, subject);
    if (verdict.applies) {
      const says = inLines(sayingOf(answer, subject, verdict.groups, name), words);
      return { answer: { rule: name, line, says }, passed, passedInAll };
    }
    passedInAll++;
    if (passed.length < mostPassed)
      passed.push({ rule: name, line, why: words.unmet[verdict.unmet]({ when, subject }) });
  }
  if (!defaultAnswer || !isForDefault(subject)) return { answer: null, passed, passedInAll };
  const says = inLines(sayingOf(defaultAnswer, subject, {}, 'default'), words);
  return { answer: { rule: words.byDefault, line: null, says }, passed, passedInAll };
}

function inLines(saying: Saying, words: Words['rules']): string[] {
  if (saying.kind === 'source') return [words.leftTo(saying.source)];
  const { replies, handOver } = saying;
  const lines = [...replies.map(inLine), ...(handOver === undefined ? [] : [words.handOver(handOver)])];
  return lines.length > 0 ? lines : [words.nothing];
}

function inLine({ type, ...rest }: Reply): string {
  return 'content' in rest ? rest.content : `[${type}] ${JSON.stringify(rest)}`;
}
