import { type AskedRules, createAskedRules } from '#src/replies/rules/ask.js';
import { judge } from '#src/replies/rules/conditions.js';
import { parseRules } from '#src/replies/rules/parse.js';
import type { Rules } from '#src/replies/rules/rules.js';
import { createSubject } from '#src/replies/rules/subject.js';
import { createLocalTimes } from '#src/replies/rules/zone-time.js';
import type { TextMessage } from '#src/wechat/in/message.js';
import type { Benchmark } from './benchmark.ts';

const keywords = 5_000;
const account = { appId: 'wx1', name: 'n' };
const localTimes = createLocalTimes();

/** Chinese words of two to five characters, all different. */
const words = Array.from({ length: keywords }, (_, index) => {
  const unit = (of: number) => String.fromCharCode(0x4e00 + (of % 2_000));
  return unit(index * 7) + unit(index * 13 + Math.floor(index / 2_000)) + unit(index).repeat(index % 4);
});

/** What rules of 5,000 keywords cost a message: the message as rules look at it, the rule, and what it says. */
export const rules: Benchmark = async (_lab, { rounds }, progress) => {
  const each = read({
    rules: words.map((word) => ({ when: { keyword: word }, answer: `{{content}} ${word}` })),
  });
  const contained = read({
    rules: words.map((word) => ({ when: { keyword: { contains: word } }, answer: word })),
    default: '?',
  });
  const together = read({
    rules: [{ when: { keyword: { equals: words, contains: words } }, answer: 'x' }],
    default: '?',
  });
  const usual = messages((index) => `请问${words[(index * 31) % keywords]}怎么办？`);
  const none = messages((index) => `abc ${index} 没有这个词，再见`);
  const long = messages((index) => `${String.fromCharCode(0x4e00 + index)}龘龘甲乙丙丁`.repeat(85));
  const cases: readonly [name: string, rules: Rules, messages: readonly TextMessage[]][] = [
    ['equal', each, messages((index) => words[(index * 31) % keywords] ?? '')],
    ['contained', contained, usual],
    ['contained, none of them is', contained, none],
    ['contained, in 600 characters', contained, long],
    ['in one rule, contained', together, usual],
  ];
  return cases.map(([name, file, some]) => {
    const asked = createAskedRules(file, localTimes);
    measure(asked, some);
    const values = Array.from({ length: rounds }, () => measure(asked, some));
    const inTurn = Array.from({ length: rounds }, () => measureInTurn(file, some));
    progress(`${name}: ${values.map((value) => value.toFixed(2)).join(', ')} us`);
    return {
      ...{ name: `rules, ${keywords} keywords, ${name}`, unit: 'us', values },
      baseline: { name: 'one after another', values: inTurn },
      // A user may write 600 characters; hardly one does.
      ...(some === long ? {} : { goal: { kind: 'at-most', value: 20 } as const }),
    };
  });
};

function read(file: unknown): Rules {
  const parsed = parseRules(JSON.stringify(file), 'rules.yaml');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems[0]));
  return parsed.rules;
}

function messages(contentOf: (index: number) => string): TextMessage[] {
  return Array.from({ length: 500 }, (_, index) => ({
    ...{ kind: 'text', toUserName: 'gh', openid: `o${index}`, createTime: 1_790_000_000, fields: {} },
    ...{ msgId: String(index), content: contentOf(index) },
  }));
}

/** Microseconds of CPU, which what else runs on the machine does not lengthen. */
function cpuUs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Microseconds a message. */
function measure({ ask }: AskedRules, some: readonly TextMessage[]): number {
  const times = 40;
  const us = cpuUs(() => {
    for (let time = 0; time < times; time++) for (const message of some) ask([message], account);
  });
  return us / (times * some.length);
}

function measureInTurn({ rules }: Rules, some: readonly TextMessage[]): number {
  const few = some.slice(0, 50);
  const us = cpuUs(() => {
    for (const message of few) {
      const subject = createSubject(message, account, localTimes);
      rules.find((rule) => judge(rule, subject).applies);
    }
  });
  return us / few.length;
}
