import type { Pause } from '../../accounts/pauses.js';
import type { OutputStream } from '../terminal/context.js';
import { localTime, shortTime } from '../terminal/format.js';
import { oneLine, toTable } from '../terminal/table.js';
import type { Words } from '../words/index.js';
import { describeRest } from './describe-rest.js';
import type { Status } from '../../history/status.js';

/** Whom it is told, and how wide their lines are. */
export interface Reader {
  readonly words: Words;
  readonly out: Pick<OutputStream, 'isTTY' | 'columns'>;
}

/** What strangers wrote (openids, errors, an operator's reason) stands on one line each, without what would act on a terminal. */
export function describeStatus(status: Status, pauses: readonly Pause[], reader: Reader): string {
  const sections = [
    reader.words.commands.status.title(localTime(status.now)),
    headline(status, pauses, reader),
    describeRests(pauses, reader),
    describeBacklog(status, reader),
    describeOldest(status, reader),
    describeRates(status, reader),
    describeFailures(status, reader),
    describeCredentials(status, reader),
    describeWorkers(status, reader),
  ];
  return sections.filter((one) => one !== undefined).join('\n\n');
}

function describeRests(pauses: readonly Pause[], { words }: Reader): string | undefined {
  if (pauses.length === 0) return undefined;
  const lines = pauses.map((pause) => `  ${oneLine(describeRest(pause, words))}`);
  return [words.commands.status.rests, ...lines].join('\n');
}

function describeBacklog({ backlog }: Status, reader: Reader): string {
  return section(
    reader,
    'backlog',
    ['', '', '>', '>'],
    backlog.map(({ account, state, messages, oldestMs }) => [
      account,
      state,
      messages.toLocaleString('en'),
      reader.words.terminal.duration(oldestMs),
    ]),
  );
}

function describeOldest({ oldest }: Status, { words }: Reader): string | undefined {
  if (!oldest) return undefined;
  return words.commands.status.oldest({
    id: oldest.id,
    openid: oneLine(oldest.openid),
    age: words.terminal.duration(oldest.ageMs),
    error: oldest.error ? oneLine(oldest.error) : undefined,
  });
}

function describeRates({ rates }: Status, reader: Reader): string {
  return section(
    reader,
    'rates',
    ['', '>', '>', '>'],
    (['received', 'sent', 'failed'] as const).map((name) => [
      reader.words.commands.status.rates[name],
      ...rates.map((rate) => (rate[name] / rate.minutes).toFixed(1)),
    ]),
  );
}

function describeFailures({ failures }: Status, reader: Reader): string {
  return section(
    reader,
    'failures',
    ['', '', '>', '>', '', '~'],
    failures.map(({ account, state, errcode, deliveries, latestAt, errmsg }) => [
      account,
      state,
      errcode === null ? '' : String(errcode),
      deliveries.toLocaleString('en'),
      shortTime(latestAt),
      errmsg ?? '',
    ]),
  );
}

function describeCredentials({ tokens }: Status, reader: Reader): string {
  const { terminal, commands } = reader.words;
  return section(
    reader,
    'credentials',
    ['', '', '', '>'],
    tokens.map(({ account, kind, refreshedAt, expiresInMs }) => [
      account,
      kind,
      shortTime(refreshedAt),
      expiresInMs > 0 ? terminal.duration(expiresInMs) : commands.status.credentials.over,
    ]),
  );
}

function describeWorkers({ workers }: Status, reader: Reader): string {
  const { alive, missing } = reader.words.commands.status.processes;
  return section(
    reader,
    'processes',
    ['>', '', '>', '', '', '>'],
    workers.map(({ id, hostname, pid, isAlive, startedAt, held }) => [
      String(id),
      hostname,
      String(pid),
      isAlive ? alive : missing,
      shortTime(startedAt),
      String(held),
    ]),
  );
}

/** What a tired operator needs to know, in one line. */
function headline(
  { workers, backlog, oldest, failedMessages, failures }: Status,
  pauses: readonly Pause[],
  { words: { commands, terminal } }: Reader,
): string {
  const { status: words } = commands;
  const waiting = backlog.reduce((sum, { messages }) => sum + messages, 0);
  const notSent = failures.reduce((sum, { deliveries }) => sum + deliveries, 0);
  const alive = workers.filter(({ isAlive }) => isAlive).length;
  return [
    words.workers(alive),
    words.waiting(waiting, oldest && terminal.duration(oldest.ageMs)),
    words.notSent(notSent),
    ...(failedMessages > 0 ? [words.failedMessages(failedMessages)] : []),
    ...(pauses.length > 0 ? [words.resting(pauses.length)] : []),
  ].join(' · ');
}

/** Of a column: > has numbers, ~ has text that may be cut. */
type Form = '' | '>' | '~';

function section(
  { words, out }: Reader,
  name: 'backlog' | 'rates' | 'failures' | 'credentials' | 'processes',
  forms: readonly Form[],
  rows: readonly (readonly string[])[],
): string {
  const { status } = words.commands;
  const { title, columns, none } = status[name];
  if (rows.length === 0) return status.none(title, none);
  const formed = forms.map((form, index) => ({
    title: columns[index] ?? '',
    ...(form === '>' ? { align: 'right' as const } : {}),
    flexible: form === '~',
  }));
  return `${title}\n${toTable(formed, rows, out)}`;
}
