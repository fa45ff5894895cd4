import type { InboundMessage } from '../../wechat/in/message.js';
import { createFindRule, defaultName, type FindRule, type Found, isForDefault } from './find.js';
import type { LeftTo, Rules } from './rules.js';
import { type Saying, sayingOf } from './say.js';
import { createSubject, type Subject } from './subject.js';
import type { LocalTimes } from './zone-time.js';

export interface Account {
  readonly appId: string;
  readonly name: string;
}

export interface RuleAnswered {
  readonly rule: string;
  readonly saying: Saying;
}

/** Rules that can be asked. */
export interface AskedRules {
  readonly sources: readonly LeftTo[];
  /**
   * What the rules say to messages that are answered together: the rule that is tried first among those that apply to any of them,
   * for the last message of these. undefined: nothing.
   */
  ask(messages: readonly InboundMessage[], account: Account): RuleAnswered | undefined;
}

export function createAskedRules(rules: Rules, localTimes: LocalTimes): AskedRules {
  const find = createFindRule(rules);
  return {
    sources: rules.sources,
    ask(messages, account) {
      const subjects = messages.map((message) => createSubject(message, account, localTimes));
      const best = bestOf(subjects, find);
      if (best) {
        const { found, subject } = best;
        const { answer, name } = found.rule;
        return { rule: name, saying: sayingOf(answer, subject, found.groups, name) };
      }
      const last = subjects.findLast(isForDefault);
      if (!last || !rules.defaultAnswer) return undefined;
      return { rule: defaultName, saying: sayingOf(rules.defaultAnswer, last, {}, defaultName) };
    },
  };
}

function bestOf(
  subjects: readonly Subject[],
  find: FindRule,
): { found: Found; subject: Subject } | undefined {
  let best: { found: Found; subject: Subject } | undefined;
  for (const subject of subjects) {
    const found = find(subject);
    if (found && (!best || found.rank <= best.found.rank)) best = { found, subject };
  }
  return best;
}
