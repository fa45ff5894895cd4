import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

/** From the top down. What stands beside each other on one floor does not know each other. */
const floors = [
  ['cli'],
  ['console', 'testing'],
  ['service'],
  ['worker', 'ingress'],
  ['sending', 'replies'],
  ['outbox'],
  ['accounts'],
  ['history'],
  ['config'],
  ['observe'],
  ['db'],
  ['wechat'],
  ['lib'],
];

const mostLines = 250;

/** Files that may be longer, and why. */
const longer: ReadonlyMap<string, string> = new Map([
  ['wechat/out/error-table.ts', 'a table: a row for each code of WeChat'],
  ['config/schema.ts', 'a table: an entry for each setting'],
  ['outbox/states.ts', 'a table: an entry for each transition'],
  ['db/schema.ts', 'generated from the migrations'],
  ['cli/words/en/help.ts', 'a table: an entry for each command and flag'],
  ['cli/words/zh-cn/help.ts', 'a table: an entry for each command and flag'],
]);

const isOfPage = (file: string) => /(^|\/)web\/|\/vite\.config\.ts$/.test(file);
const root = path.resolve(import.meta.dirname, '../src');
const entries = readdirSync(root, { recursive: true, encoding: 'utf8' });
/** The phone is built by another tool, and imports nothing of ours but types of its contract. */
const files = entries
  .filter((name) => /\.(ts|vue)$/.test(name) && !(name.startsWith('simulator/') && isOfPage(name)))
  .sort();
const folders = [...new Set(files.map((file) => path.dirname(file)))].sort();
const sources = new Map(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')]));

/** Of types too: who reads a file has to read what its types are. */
const importsOf = new Map(
  files.map((file) => {
    const found = (sources.get(file) ?? '').matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+(?<!\.css))'/g);
    return [file, [...found].map(([, name = '']) => resolve(file, name))];
  }),
);
const arrows = [...importsOf].flatMap(([from, all]) => all.map((to) => ({ from, to })));

function resolve(file: string, imported: string): string {
  return path.join(path.dirname(file), imported).replace(/\.js$/, '.ts');
}

const roomOf = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : undefined);
const floorOf = (room: string | undefined) => floors.findIndex((rooms) => rooms.some((one) => one === room));
const drawn = (some: typeof arrows) => some.map(({ from, to }) => `${from} > ${to}`);

test('imports lead to files of ours, and every room has its floor', () => {
  expect(arrows.length).toBeGreaterThan(500);
  expect(drawn(arrows.filter(({ to }) => !sources.has(to)))).toEqual([]);
  const rooms = new Set(files.map(roomOf).filter((room) => room !== undefined && room !== 'simulator'));
  expect([...rooms].filter((room) => floorOf(room) < 0)).toEqual([]);
});

test('a room imports from the floors below it, not from above and not from beside', () => {
  const wrong = arrows.filter(({ from, to }) => {
    const [room, other] = [roomOf(from), roomOf(to)];
    if (room === undefined || other === 'simulator' || room === other) return false;
    return room !== 'simulator' && floorOf(room) >= floorOf(other);
  });
  expect(drawn(wrong)).toEqual([]);
});

test('the simulator imports nothing of the service, and only the command line and the test kit play with it', () => {
  const crossing = arrows.filter(
    ({ from, to }) => (roomOf(from) === 'simulator') !== (roomOf(to) === 'simulator'),
  );
  const players = ['cli', 'testing'];
  const wrong = crossing.filter(
    ({ from, to }) => !players.includes(roomOf(from) ?? '') || to !== 'simulator/index.ts',
  );
  expect(drawn(wrong)).toEqual([]);
});

test('within the simulator, what answers and what pushes know what is remembered, and nothing else each other; the phone knows them', () => {
  const inner = arrows.filter(({ from }) => /^simulator\/(?!phone\/)\w+\//.test(from));
  const wrong = inner.filter(
    ({ from, to }) => path.dirname(from) !== path.dirname(to) && !to.startsWith('simulator/state/'),
  );
  expect(drawn(wrong)).toEqual([]);
});

test("the console's page knows the contract and itself", () => {
  const inside = (file: string) => file.startsWith('console/web/');
  const wrong = arrows.filter(({ from, to }) => {
    if (inside(from)) return !inside(to) && !to.startsWith('console/contract/');
    return inside(to);
  });
  expect(drawn(wrong)).toEqual([]);
});

test('no file imports itself by way of others', () => {
  expect(circles()).toEqual([]);
});

test(`a file has ${mostLines} lines at most`, () => {
  const long = [...sources]
    .filter(([, text]) => text.split('\n').length - 1 > mostLines)
    .map(([file]) => file);
  expect(long.filter((file) => !longer.has(file))).toEqual([]);
  // An exception that is needed no more would hide a file that grows too long later.
  expect([...longer.keys()].filter((file) => !long.includes(file))).toEqual([]);
});

test('each folder says what belongs there', () => {
  expect(folders.filter((folder) => !entries.includes(path.join(folder, 'README.md')))).toEqual([]);
});

/** Each once, by its files, the first of which closes it. */
function circles(): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const way: string[] = [];

  function follow(file: string): void {
    const at = way.indexOf(file);
    if (at >= 0) found.push([...way.slice(at), file].join(' > '));
    if (at >= 0 || done.has(file)) return;
    way.push(file);
    for (const next of importsOf.get(file) ?? []) follow(next);
    way.pop();
    done.add(file);
  }

  for (const file of files) follow(file);
  return found;
}

test('one file alone knows OpenTelemetry', () => {
  const knowing = files.filter((file) => sources.get(file)?.includes("from '@opentelemetry/"));
  expect(knowing).toEqual(['observe/tracing.ts']);
});
