import type {
  AskDiff,
  GoBack,
  RuleDiff,
  RuleSet,
  RuleSetView,
  RulesCheck,
  RulesTrial,
  RuleVersion,
  SaveRules,
  TryRules,
} from '../../contract/rules.js';
import { type FakeRoutes, minutesAgo, nastyTexts, ok } from './routes.js';

interface RuleVersionText extends RuleVersion {
  text: string;
}

const first = `rules:
  - name: hello
    when: { keyword: [你好, hello] }
    answer: 你好！
  - name: hours
    when: { contains: 几点 }
    answer: 9:00–18:00
default: 请稍等。
`;

const versions: RuleVersionText[] = [
  { id: '2', at: minutesAgo(30), by: 'han.meimei', origin: 'console', note: nastyTexts[1], text: first },
  {
    id: '1',
    at: minutesAgo(9_000),
    by: 'system',
    origin: 'file',
    note: null,
    text: first.replace('18', '17'),
  },
];

const withoutText = ({ text: _text, ...version }: RuleVersionText): RuleVersion => version;
const newest = () => versions[0] ?? null;
const set = (): RuleSet => {
  const version = newest();
  return { name: 'rules.yaml', used: true, version: version && withoutText(version) };
};

/** A tab is what YAML forbids. */
const check = (text: string): RulesCheck => ({
  rules: text.split('- name').length - 1,
  problems: text.split('\n').flatMap((line, at) => {
    const column = line.indexOf('\t') + 1;
    return column > 0 ? [{ line: at + 1, column, message: 'A tab: use blanks' }] : [];
  }),
});

function save(text: string, expected: string | null, origin: string, note: string | null) {
  const { problems } = check(text);
  if (problems.length > 0)
    return { status: 422, body: { error: 'bad_rules', message: 'It has problems', problems } };
  const version = newest();
  // Whoever notes a conflict has one.
  if (note?.includes('conflict') && version && version.by === 'li.lei') {
    const other = { ...version, id: String(versions.length + 1), by: 'han.meimei' };
    versions.unshift(other);
  }
  if ((newest()?.id ?? null) !== expected)
    return { status: 409, body: { error: 'conflict', message: 'Somebody was quicker', version: newest() } };
  const saved = { id: String(versions.length + 1), at: minutesAgo(0), by: 'li.lei', origin, note, text };
  versions.unshift(saved);
  return ok(withoutText(saved));
}

function diff(before: string, after: string): RuleDiff {
  const [a, b] = [before.split('\n'), after.split('\n')];
  const lines: RuleDiff['lines'] = a.flatMap((text, at) =>
    b.includes(text) ? [] : [{ kind: 'removed' as const, text, from: at + 1, to: null }],
  );
  const added = b.flatMap((text, at) =>
    a.includes(text) ? [] : [{ kind: 'added' as const, text, from: null, to: at + 1 }],
  );
  return { added: added.length, removed: lines.length, lines: [...lines, ...added] };
}

const textOf = (id: string) => versions.find((one) => one.id === id)?.text ?? '';

function attempt({ text, message }: TryRules): RulesTrial {
  const { problems } = check(text);
  const says = message.value.includes('你好');
  return {
    problems,
    answer: says ? { rule: 'hello', line: 2, says: ['text: 你好！'] } : null,
    passed: says ? [] : [{ rule: 'hello', line: 2, why: nastyTexts[1] }],
    passedInAll: says ? 0 : 4_812,
  };
}

const parse = <T>(body: string) => JSON.parse(body) as T;

export const ruleRoutes: FakeRoutes = {
  'GET rules': () => ok([set()]),
  'GET rules/:name': () =>
    ok({ ...set(), text: newest()?.text ?? '', versions: versions.map(withoutText) } satisfies RuleSetView),
  'POST rules/check': ({ body }) => ok(check(parse<{ text: string }>(body).text)),
  'POST rules/try': ({ body }) => ok(attempt(parse(body))),
  'POST rules/:name/diff': ({ body }) => {
    const asked = parse<AskDiff>(body);
    return ok(diff(textOf(asked.from), 'text' in asked ? asked.text : textOf(asked.to)));
  },
  'PUT rules/:name': ({ body }) => {
    const { text, expected, note } = parse<SaveRules>(body);
    return save(text, expected, 'console', note);
  },
  'POST rules/:name/back': ({ body }) => {
    const { version, expected } = parse<GoBack>(body);
    return save(textOf(version), expected, 'console', `back to version ${version}`);
  },
};
