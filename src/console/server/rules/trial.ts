import type { AccountConfig } from '../../../config/account.js';
import type { ParsedRules } from '../../../replies/rules/parse.js';
import type { Saying } from '../../../replies/rules/say.js';
import { type Deed, messageOf, tryOut } from '../../../replies/rules/try-out.js';
import type { Reply } from '../../../wechat/out/reply.js';
import type { RulesTrial, TryRules } from '../../contract/rules.js';
import { badInput } from '../http/input.js';
import type { Words } from '../words/index.js';
import { problemsIn } from './problems.js';

/** As many as anybody reads. */
const mostPassed = 100;

export interface Trial extends Pick<TryRules, 'message' | 'account'> {
  at: Date;
}

/**
 * Asks rules in the order in which they are tried. What an answer leaves to a service or a model is not asked for.
 *
 * @throws Refusal for what can be no message
 */
export function tryRules(
  parsed: ParsedRules,
  { message: deed, account, at }: Trial,
  accounts: readonly AccountConfig[],
  { language, rules: words }: Pick<Words, 'language' | 'rules'>,
): RulesTrial {
  if (!parsed.ok)
    return { problems: problemsIn(language, parsed.problems), answer: null, passed: [], passedInAll: 0 };
  const message = messageOf({ ...deedOf(deed), openid: 'oTrial', at });
  if (!message) throw badInput(['message']);
  const { appId, name = appId } = accounts.find((one) => account === null || one.appId === account) ?? {
    appId: account ?? '',
  };
  const { subject, passedOver, answered } = tryOut(parsed.rules, message, { appId, name });
  return {
    problems: [],
    answer: answered
      ? {
          rule: answered.line === undefined ? words.byDefault : answered.name,
          line: answered.line ?? null,
          says: inLines(answered.saying, words),
        }
      : null,
    passed: passedOver.slice(0, mostPassed).map(({ rule: { name, line, when }, unmet }) => ({
      ...{ rule: name, line },
      why: words.unmet[unmet]({ when, subject }),
    })),
    passedInAll: passedOver.length,
  };
}

function deedOf({ type, value }: TryRules['message']): Omit<Deed, 'openid' | 'at'> {
  switch (type) {
    case 'text':
    case 'choice':
    case 'click':
    case 'scan':
    case 'event':
      return { [type]: value };
    case 'subscribe':
      return { event: type, ...(value === '' ? {} : { scan: value }) };
    case 'voice':
      return { type, text: value };
    default:
      return { type };
  }
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
