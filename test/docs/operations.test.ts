import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { wordsOf } from '../../src/cli/words/index.js';
import { createMetrics } from '../../src/observe/metrics.js';
import { noParent } from '../support/command-line.js';
import { codeSpansOf, documents, firstCellsOf, pages, readPage, root, sectionsOf } from './pages.js';

interface NamedCommand {
  name: string;
  flags: readonly string[];
}

/** Commands that can be called, with their long flags; `token refresh` is one. */
function commandsOf(command: Command, prefix = ''): NamedCommand[] {
  return command.commands.flatMap((one) => {
    const name = `${prefix}${one.name()}`;
    if (one.commands.length > 0) return commandsOf(one, `${name} `);
    return [{ name, flags: one.options.flatMap(({ long }) => long ?? []) }];
  });
}

/** Enough of it to define the commands: none runs. */
const context = {
  environment: () => ({}),
  out: process.stdout,
  err: process.stderr,
  input: () => process.stdin,
  host: {
    untilSignal: () => new Promise<never>(() => {}),
    exit: (code: number) => process.exit(code),
    parent: noParent,
  },
  setExitCode: () => {},
  words: wordsOf('en'),
};
const commands = commandsOf(createProgram(context));
const ofAll = ['--help', '--version'];

/** Whatever calls us in the pages: in backticks, and in lines of shell. */
const calls = pages.flatMap(({ file, prose, blocks }) => {
  const lines = blocks.filter(({ language }) => language === 'sh').flatMap(({ code }) => code.split('\n'));
  return [...codeSpansOf(prose), ...lines].flatMap((line) =>
    [...line.matchAll(/(?:wechat-outbox|dist\/cli\/main\.js) ([a-z][^|#;&]*)/g)].map(([, call = '']) => ({
      file,
      call,
    })),
  );
});

const findCommand = (call: string) =>
  commands.find(({ name }) => call === name || call.startsWith(`${name} `));

const operate = ['docs/operate.md', 'docs/zh-CN/operate.md'] as const;

describe('the commands', () => {
  test('that the pages call exist, with these flags', () => {
    expect(calls.length).toBeGreaterThan(50);
    const wrong = calls.filter(({ call }) => {
      const command = findCommand(call.trim());
      const flags = call.match(/(?<= )--[a-z-]+/g) ?? [];
      return !command || flags.some((flag) => ![...command.flags, ...ofAll].includes(flag));
    });
    expect(wrong).toEqual([]);
  });

  test.each(operate)('are all in %s, with all their flags, and no others', (file) => {
    const sections = [...sectionsOf(readPage(file), 3)];
    const problems = commands.flatMap(({ name, flags }) => {
      const found = sections.find(([title]) => title === name || title.split(/ and | 和 /).includes(name));
      if (!found) return [`${name}: no section`];
      const [title, text] = found;
      const shared = commands.filter(
        (one) => title.split(/ and | 和 /).includes(one.name) || one.name === title,
      );
      const allowed = [...shared.flatMap((one) => one.flags), ...ofAll];
      const named = codeSpansOf(text).flatMap((code) => code.match(/(?<![\w-])--[a-z-]+/g) ?? []);
      return [
        ...flags.filter((flag) => !named.includes(flag)).map((flag) => `${name}: ${flag} is missing`),
        ...named.filter((flag) => !allowed.includes(flag)).map((flag) => `${name}: there is no ${flag}`),
      ];
    });
    expect(problems).toEqual([]);
  });
});

test.each([
  ['docs/operate.md', 'en'],
  ['docs/zh-CN/operate.md', 'zh-CN'],
] as const)('what status and requeue say is explained in %s as they say it', (file, language) => {
  const { status, requeue } = wordsOf(language).commands;
  const { rests, backlog, rates, failures, credentials, processes } = status;
  const sections = [backlog, rates, failures, credentials, processes].map(({ title }) => title);
  const verdicts = Object.values(requeue.meanings).map((meaning) => meaning.split(/ ?[,:，：(（]/)[0] ?? '');
  const { prose } = readPage(file);
  expect([rests, ...sections, ...verdicts].filter((said) => !prose.includes(said))).toEqual([]);
});

/** Every .ts file of the service; the simulator is another program. */
function sources(): string[] {
  return readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/^(simulator|wechat|console\/web)\//.test(file))
    .map((file) => readFileSync(path.join(root, 'src', file), 'utf8'));
}

const watch = ['docs/watch.md', 'docs/zh-CN/watch.md'] as const;

describe.each(watch)('%s', (file) => {
  const page = readPage(file);
  const sections = [...sectionsOf(page, 2)];
  /** The one whose table begins with this name. */
  const tableWith = (name: string) =>
    firstCellsOf(sections.find(([, text]) => firstCellsOf(text).includes(name))?.[1] ?? '');

  test('names every event of the log, and no other', () => {
    const texts = sources();
    const logged = texts.flatMap((text) => [
      ...[...text.matchAll(/\bevent: '([a-z_]+)'/g)].map(([, event = '']) => event),
      // One that is chosen by what was wanting.
      ...[...(/const eventOf = (\{[^}]+\})/.exec(text)?.[1] ?? '').matchAll(/: '([a-z_]+)'/g)].map(
        ([, event = '']) => event,
      ),
    ]);
    expect([...new Set(tableWith('push'))].sort()).toEqual([...new Set(logged)].sort());
  });

  test('names every metric, and no other', async () => {
    const { registry } = createMetrics(['wx1']);
    const ours = (await registry.getMetricsAsJSON())
      .map(({ name }) => name)
      .filter((name) => name.startsWith('wechat_outbox_'));
    expect(tableWith('wechat_outbox_inbound_total').sort()).toEqual(ours.sort());
  });
});

test('metrics that any page names exist', async () => {
  const { registry } = createMetrics(['wx1']);
  const names = (await registry.getMetricsAsJSON()).map(({ name }) => name);
  const named = documents.flatMap(({ text }) => text.match(/\bwechat_outbox_[a-z_]+[a-z]/g) ?? []);
  const unknown = named.filter(
    (name) => !names.includes(name) && !names.includes(name.replace(/_(bucket|sum|count)$/, '')),
  );
  expect(unknown).toEqual([]);
});
