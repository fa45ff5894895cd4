import path from 'node:path';
import { isOutage } from '../../db/errors.js';
import type { Pool } from '../../db/pool.js';
import { repeat } from '../../lib/repeat.js';
import type { Logger } from '../../observe/log.js';
import { firstProblems, watchFile } from './file.js';
import { parseRules } from './parse.js';
import type { Rules } from './rules.js';
import { type RulesVersion, readInForce, takeOverFile } from './versions.js';

export interface FollowOptions {
  file: string;
  /** What the file said at the start. */
  text: string;
  pool: Pool;
  log: Logger;
  /** Between two looks at the file and the table. */
  pauseMs: number;
  random(): number;
  /**
   * Puts rules in force in this process.
   *
   * @throws what is wrong with a source that they name: what was in force stays
   */
  take(rules: Rules): Promise<void>;
}

export interface Followed {
  /** Resolves when the version in force is in force here: what is answered before would be answered by the file. */
  readonly ready: Promise<void>;
  /** Whether it has resolved. */
  readonly isReady: boolean;
  stop(): Promise<void>;
}

/**
 * Keeps this process at the latest version of the rules: a file that says something new becomes a version, and whatever version is
 * the latest is taken up. What is not in order changes nothing, and is told with its place, once.
 */
export function followRules({ file, text, pool, log, pauseMs, random, take }: FollowOptions): Followed {
  const name = path.basename(file);
  const watched = watchFile(file, text);
  /** Read from the file, and not in the table yet. */
  let fresh: string | undefined = text;
  let seenId = '0';
  const { promise: ready, resolve: becomeReady } = Promise.withResolvers<void>();

  const refuse = (fields: Record<string, unknown>, problems: unknown) =>
    log.error(
      { event: 'rules_refused', rules: name, ...fields, problems },
      'these rules are not in order: what was in force stays so',
    );

  async function lookAtFile(): Promise<void> {
    const look = await watched.look();
    if (look.kind === 'unreadable') {
      refuse({ origin: 'file' }, [String(look.error)]);
    } else if (look.kind === 'changed') {
      const parsed = parseRules(look.text, file);
      fresh = parsed.ok ? look.text : undefined;
      if (!parsed.ok) refuse({ origin: 'file' }, firstProblems(parsed.problems, file));
    }
    if (fresh === undefined) return;
    await takeOverFile(pool, name, fresh);
    fresh = undefined;
  }

  async function lookAtVersions(): Promise<void> {
    const version = await readInForce(pool, name, seenId);
    if (!version) return;
    await takeUp(version);
    seenId = version.id;
  }

  async function takeUp({ id, text, origin, operator }: RulesVersion): Promise<void> {
    const parsed = parseRules(text, name);
    if (!parsed.ok) return refuse({ origin, version: id }, firstProblems(parsed.problems, name));
    try {
      await take(parsed.rules);
    } catch (error) {
      return refuse({ origin, version: id }, [error instanceof Error ? error.message : String(error)]);
    }
    const rules = parsed.rules.rules.length;
    log.info({ event: 'rules_in_force', rules: name, version: id, origin, operator, count: rules }, 'rules');
  }

  let isReady = false;
  let isFirst = true;
  let isFailing = false;
  const repeated = repeat({
    pauseMs: () => (isFirst ? 0 : pauseMs),
    async round() {
      isFirst = false;
      await lookAtFile();
      await lookAtVersions();
      isReady = true;
      becomeReady();
      isFailing = false;
    },
    onError(error) {
      // Then no message is claimed, either; who else uses it tells of that.
      if (isOutage(error)) return log.debug({ err: error }, 'no look at the rules');
      if (!isFailing)
        log.error(
          { event: 'rules_not_followed', rules: name, err: error },
          'the version in force cannot be read or stored',
        );
      isFailing = true;
    },
    random,
  });
  return {
    ready,
    get isReady() {
      return isReady;
    },
    stop: () => repeated.stop(),
  };
}
