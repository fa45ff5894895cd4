import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  attemptOutcomes,
  deliveryStatuses,
  deliveryTransitions,
  laneTransitions,
  messageStatuses,
  messageTransitions,
  type Transition,
} from '../../src/outbox/states.js';
import { createTestDatabase } from '../support/database.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const pages = ['docs/states.md', 'docs/zh-CN/states.md'];

const machines = {
  Message: { transitions: messageTransitions, table: 'inbound_message' },
  Delivery: { transitions: deliveryTransitions, table: 'delivery' },
  Lane: { transitions: laneTransitions, table: 'lane' },
} as const;

/** The part of a page that is about this machine; they stand in one order in all languages. */
function section(page: string, name: string): string {
  const [, ...sections] = readFileSync(path.join(root, page), 'utf8').split(/^## .+$/m);
  return sections[Object.keys(machines).indexOf(name)] ?? '';
}

/**
 * An account that goes to another database takes its rows with it, in the states that they have; and that its user is forgotten takes
 * the way of a trace from a message.
 */
const keepsStates = (file: string) =>
  file.startsWith('src/cli/move/') || file === 'migrations/0015_traces.sql';

/** The arrows of a machine as `from --> to: names`. */
function arrows(transitions: readonly Transition<string>[]): string[] {
  const names = new Map<string, string[]>();
  const node = (state: string) => (state === 'none' ? '[*]' : state);
  for (const { name, moves } of transitions) {
    for (const [from, to] of moves) {
      const arrow = `${node(from)} --> ${node(to)}`;
      names.set(arrow, [...(names.get(arrow) ?? []), name]);
    }
  }
  return [...names].map(([arrow, of]) => `${arrow}: ${of.join(', ')}`).sort();
}

/** Without what is written, which is in the language of the page. */
function rows(transitions: readonly Transition<string>[]): string[] {
  const unique = (states: readonly string[]) => [...new Set(states)].join(', ');
  return transitions.map(({ name, moves, by, file }) => {
    const from = unique(moves.map(([state]) => state));
    const to = unique(moves.map(([, state]) => state));
    return `| ${name} | ${from} | ${to} | ${by} | \`${file}\``;
  });
}

test.each(Object.entries(machines))(
  'the page draws every transition of a %s, and no other, in both languages',
  (name, machine) => {
    for (const page of pages) {
      const text = section(page, name);
      const drawn = [...text.matchAll(/^ {4}(\S+ --> \S+: .+)$/gm)].map(([, arrow]) => arrow);
      expect(drawn.sort()).toEqual(arrows(machine.transitions));
      const [, , ...listed] = text.split('\n').filter((line) => line.startsWith('|'));
      const cells = listed.map((line) => line.replaceAll(/ +/g, ' ').replace(/ \| [^|]+ \|$/, ''));
      expect(cells).toEqual(rows(machine.transitions));
    }
  },
);

test('what a transition writes is said by the page as by the table', () => {
  for (const [name, { transitions }] of Object.entries(machines)) {
    const text = section('docs/states.md', name).replaceAll(/ +/g, ' ');
    const unsaid = transitions.filter(({ writes }) => !text.includes(` | ${writes} |`));
    expect(unsaid.map(({ name: transition }) => `${name}: ${transition}`)).toEqual([]);
  }
});

test.each(Object.entries(machines))(
  'a %s is written in the files that the table names, and in no other',
  (_name, machine) => {
    const write = new RegExp(`\\b(?:insert into|update|delete from) wechat\\.${machine.table}\\b(?!_)`);
    const files = [...sources('src', '.ts'), ...sources('migrations', '.sql')];
    const writing = files.filter((file) => write.test(readFileSync(path.join(root, file), 'utf8')));
    // Rings alone: it tells workers of lanes, and changes none.
    const named = new Set(machine.transitions.filter(({ name }) => name !== 'wake').map(({ file }) => file));
    // Both ends of an attempt share their statements.
    if (machine.table === 'delivery') named.add('src/outbox/end.ts');
    const movers = writing.filter((file) => !keepsStates(file));
    expect(movers.sort()).toEqual([...named].sort());
  },
);

test('the tables allow the statuses of the code, and no other', async () => {
  const { pool } = await createTestDatabase();
  const { rows: checks } = await pool.query<{ name: string; definition: string }>(
    `select conrelid::regclass::text as name, pg_get_constraintdef(oid) as definition from pg_constraint
     where contype = 'c' and connamespace = 'wechat'::regnamespace and pg_get_constraintdef(oid) like '%ANY (ARRAY[%'`,
  );
  const allowed = (table: string, column: string) =>
    checks
      .filter(({ name, definition }) => name === table && definition.includes(`(${column} =`))
      .flatMap(({ definition }) => [...definition.matchAll(/'(\w+)'::text/g)].map(([, word]) => word))
      .sort();
  expect(allowed('wechat.inbound_message', 'status')).toEqual([...messageStatuses].sort());
  expect(allowed('wechat.delivery', 'status')).toEqual([...deliveryStatuses].sort());
  expect(allowed('wechat.delivery_attempt', 'outcome')).toEqual([...attemptOutcomes].sort());
});

function sources(directory: string, ending: string): string[] {
  return readdirSync(path.join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => `${directory}/${file}`);
}
