import { describePause, type Pause } from '../../accounts/pauses.js';
import type { OutputStream } from '../terminal/context.js';
import { count, duration, localTime, shortTime } from '../terminal/format.js';
import { oneLine, toTable } from '../terminal/table.js';
import type { Status } from './status.js';

type Width = Pick<OutputStream, 'isTTY' | 'columns'>;

/** What strangers wrote (openids, errors, an operator's reason) stands on one line each, without what would act on a terminal. */
export function describeStatus(status: Status, pauses: readonly Pause[], out: Width = {}): string {
  const sections = [
    `wechat-outbox at ${localTime(status.now)}`,
    headline(status, pauses),
    describeRests(pauses),
    describeBacklog(status, out),
    describeOldest(status),
    describeRates(status, out),
    describeFailures(status, out),
    describeCredentials(status, out),
    describeWorkers(status, out),
  ];
  return sections.filter((one) => one !== undefined).join('\n\n');
}

function describeRests(pauses: readonly Pause[]): string | undefined {
  if (pauses.length === 0) return undefined;
  return `Accounts that rest\n${pauses.map((pause) => `  ${oneLine(describePause(pause, localTime))}`).join('\n')}`;
}

function describeBacklog({ backlog }: Status, out: Width): string {
  return section(
    out,
    'Not answered yet',
    ['account', 'state', '>messages', '>oldest'],
    backlog.map(({ account, state, messages, oldestMs }) => [
      account,
      state,
      messages.toLocaleString('en'),
      duration(oldestMs),
    ]),
    'nothing waits',
  );
}

function describeOldest({ oldest }: Status): string | undefined {
  if (!oldest) return undefined;
  const { id, openid, ageMs, error } = oldest;
  return `Oldest: message ${id} of ${oneLine(openid)}, ${duration(ageMs)}${error ? `: ${oneLine(error)}` : ''}; wechat-outbox show ${id}`;
}

function describeRates({ rates }: Status, out: Width): string {
  return section(
    out,
    'A minute, over the last',
    ['', '>1 min', '>5 min', '>60 min'],
    (['received', 'sent', 'failed'] as const).map((name) => [
      name,
      ...rates.map((rate) => (rate[name] / rate.minutes).toFixed(1)),
    ]),
  );
}

function describeFailures({ failures }: Status, out: Width): string {
  return section(
    out,
    'Not sent, in the last 24 h',
    ['account', 'state', '>errcode', '>deliveries', 'latest', '~errmsg'],
    failures.map(({ account, state, errcode, deliveries, latestAt, errmsg }) => [
      account,
      state,
      errcode === null ? '' : String(errcode),
      deliveries.toLocaleString('en'),
      shortTime(latestAt),
      errmsg ?? '',
    ]),
    'nothing',
  );
}

function describeCredentials({ tokens }: Status, out: Width): string {
  return section(
    out,
    'Credentials',
    ['account', 'kind', 'renewed', '>good for'],
    tokens.map(({ account, kind, refreshedAt, expiresInMs }) => [
      account,
      kind,
      shortTime(refreshedAt),
      expiresInMs > 0 ? duration(expiresInMs) : 'over',
    ]),
    'none fetched yet',
  );
}

function describeWorkers({ workers }: Status, out: Width): string {
  return section(
    out,
    'Workers',
    ['>id', 'host', '>pid', 'state', 'since', '>messages in hand'],
    workers.map(({ id, hostname, pid, isAlive, startedAt, held }) => [
      String(id),
      hostname,
      String(pid),
      isAlive ? 'alive' : 'missing',
      shortTime(startedAt),
      String(held),
    ]),
    'none is alive: nothing is answered; start one with "wechat-outbox start"',
  );
}

/** What a tired operator needs to know, in one line. */
function headline(
  { workers, backlog, oldest, failedMessages, failures }: Status,
  pauses: readonly Pause[],
): string {
  const waiting = backlog.reduce((sum, { messages }) => sum + messages, 0);
  const notSent = failures.reduce((sum, { deliveries }) => sum + deliveries, 0);
  const alive = workers.filter(({ isAlive }) => isAlive).length;
  return [
    alive === 0 ? 'NO WORKER IS ALIVE' : `${count(alive, 'worker')} alive`,
    `${count(waiting, 'message')} waiting${oldest ? `, the oldest for ${duration(oldest.ageMs)}` : ''}`,
    `${count(notSent, 'delivery', 'deliveries')} not sent in 24 h`,
    ...(failedMessages > 0 ? [`${count(failedMessages, 'message')} failed in the reply logic`] : []),
    ...(pauses.length > 0 ? [`${count(pauses.length, 'account')} AT REST`] : []),
  ].join(' · ');
}

/** A title that begins with > is of numbers, with ~ of text that may be cut. */
function section(
  out: Width,
  title: string,
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  none = 'none',
): string {
  if (rows.length === 0) return `${title}: ${none}`;
  const columns = titles.map((name) => ({
    title: name.replace(/^[>~]/, ''),
    ...(name.startsWith('>') ? { align: 'right' as const } : {}),
    flexible: name.startsWith('~'),
  }));
  return `${title}\n${toTable(columns, rows, out)}`;
}
