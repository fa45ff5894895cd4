import { setTimeout as sleep } from 'node:timers/promises';
import { describePause, type Pause, readPauses } from '../accounts/pauses.js';
import type { Pool } from '../db/pool.js';
import { count, duration, localTime, print, printJson, shortTime } from './format.js';
import { type Environment, withDatabase } from './operator-session.js';
import { readStatus, type Status } from './status-queries.js';
import { oneLine, toTable } from './table.js';

export interface StatusOptions {
  environment: Environment;
  json: boolean;
  /** Seconds between two looks; undefined: one look. */
  watch: number | undefined;
}

/** `wechat-outbox status`: how things stand, on one screen. */
export async function statusCommand({ environment, json, watch }: StatusOptions): Promise<void> {
  await withDatabase(environment, async (pool) => {
    for (;;) {
      const [status, pauses] = await look(pool);
      // One line a look: what reads it reads lines.
      if (json && watch) print(JSON.stringify({ ...status, pauses }));
      else if (json) printJson({ ...status, pauses });
      else show(status, pauses, watch !== undefined && process.stdout.isTTY);
      if (watch === undefined) return;
      await sleep(watch * 1_000);
    }
  });
}

async function look(pool: Pool): Promise<[Status, Pause[]]> {
  return [await readStatus(pool), await readPauses(pool)];
}

const home = '\u001b[H\u001b[2J';

function show(status: Status, pauses: readonly Pause[], clear: boolean): void {
  print(`${clear ? home : ''}${describeStatus(status, pauses)}`);
}

/** What strangers wrote (openids, errors, an operator's reason) stands on one line each, without what would act on a terminal. */
export function describeStatus(status: Status, pauses: readonly Pause[]): string {
  const sections = [
    `wechat-outbox at ${localTime(status.now)}`,
    headline(status, pauses),
    describeRests(pauses),
    describeBacklog(status),
    describeOldest(status),
    describeRates(status),
    describeFailures(status),
    describeCredentials(status),
    describeWorkers(status),
  ];
  return sections.filter((one) => one !== undefined).join('\n\n');
}

function describeRests(pauses: readonly Pause[]): string | undefined {
  if (pauses.length === 0) return undefined;
  return `Accounts that rest\n${pauses.map((pause) => `  ${oneLine(describePause(pause, localTime))}`).join('\n')}`;
}

function describeBacklog({ backlog }: Status): string {
  return section(
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

function describeRates({ rates }: Status): string {
  return section(
    'A minute, over the last',
    ['', '>1 min', '>5 min', '>60 min'],
    (['received', 'sent', 'failed'] as const).map((name) => [
      name,
      ...rates.map((rate) => (rate[name] / rate.minutes).toFixed(1)),
    ]),
  );
}

function describeFailures({ failures }: Status): string {
  return section(
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

function describeCredentials({ tokens }: Status): string {
  return section(
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

function describeWorkers({ workers }: Status): string {
  return section(
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
  return `${title}\n${toTable(columns, rows)}`;
}
