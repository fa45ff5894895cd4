import { clearSource, dropGuards } from './clear.js';
import { copyAccount } from './copy-account.js';
import { awaitLanes, awaitQuiet, close, hold } from './hold.js';
import { MoveError } from './move-error.js';
import { openTarget } from './open.js';
import { differingRules, prepareSource, prepareTarget } from './prepare.js';
import { changePhase, lockPhases, type MoveRecord, readRecord } from './record.js';
import { copyInRounds, copyRound } from './rounds.js';
import { inTransactionWithTries, type Sides } from './sides.js';

export interface MoveOptions {
  /** Settled messages from before stay where they are; undefined: all go along. */
  historySince: Date | undefined;
  /** Resolves once the router sends the account's pushes to the target; false: not now, the command is run again then. */
  untilSwitched(): Promise<boolean>;
}

type SourceRecord = Extract<MoveRecord, { side: 'source' }>;
type TargetRecord = Extract<MoveRecord, { side: 'target' }>;

/**
 * Moves an account, from wherever the last run left it: each step is on record in the databases when it is done, and may be done
 * twice.
 *
 * @returns moved; or waiting: the router is to be switched first
 * @throws MoveError
 */
export async function moveAccount(sides: Sides, options: MoveOptions): Promise<'moved' | 'waiting'> {
  const { words, say, appId, source } = sides;
  let { atSource, atTarget } = await begin(sides, options);
  if (atSource.phase === 'copying') {
    say(words.step(2, words.copying));
    await copyInRounds(sides, atSource);
    say(words.step(3, words.holding));
    await hold(sides);
    atSource = { ...atSource, phase: 'held' };
  }
  if (atSource.phase === 'held') {
    if (!(await handOver(sides, atSource, options))) return 'waiting';
    atSource = { ...atSource, phase: 'closed' };
  }
  if (atSource.phase === 'closed') {
    say(words.step(5, words.opening));
    if (atTarget.phase === 'filling') {
      await copyRound(sides, atSource, { openToo: true });
      await copyAccount(sides, atSource);
      await openTarget(sides, atTarget);
      atTarget = { ...atTarget, phase: 'open' };
    }
    await inTransactionWithTries(source, async (client) => {
      await lockPhases(client);
      await changePhase(client, appId, { from: ['closed'], to: 'left' });
    });
    say(words.works(sides.names.target));
    atSource = { ...atSource, phase: 'left' };
  }
  if (atSource.phase === 'left') {
    say(words.step(6, words.clearing));
    await clearSource(sides, atSource);
    await dropGuards(sides.target, appId);
  }
  return 'moved';
}

/** From held to closed: all is copied once, then the router is switched, and what comes to the source until then is copied, too. */
async function handOver(sides: Sides, record: SourceRecord, options: MoveOptions): Promise<boolean> {
  const { words, say, source, target } = sides;
  await awaitLanes(sides, source);
  await awaitLanes(sides, target);
  await copyRound(sides, record, { openToo: true });
  await copyAccount(sides, record);
  say(words.step(4, words.switching(sides.appId)));
  if (!(await options.untilSwitched())) return false;
  await copyRound(sides, record, { openToo: true });
  await awaitQuiet(sides);
  await copyRound(sides, record, { openToo: true });
  await close(sides);
  return true;
}

/** Where the move stands, in both databases; it is begun where it was not. */
async function begin(
  sides: Sides,
  { historySince }: MoveOptions,
): Promise<{ atSource: SourceRecord; atTarget: TargetRecord }> {
  const { appId, source, target, words, say, names } = sides;
  const [before, there] = await Promise.all([readRecord(source, appId), readRecord(target, appId)]);
  if (before?.side === 'source' && before.phase === 'gone')
    throw new MoveError(words.movedAway(appId, before.peer));
  if (before?.side === 'target' && before.phase !== 'open')
    throw new MoveError(words.notHere(appId, before.phase));
  if (before?.side === 'source') return { atSource: before, atTarget: theOther(sides, before, there) };

  if (there?.phase === 'open') throw new MoveError(words.atTarget(appId));
  if (there?.phase === 'refused') throw new MoveError(words.calledOff(appId));
  if (there?.phase === 'filling' && there.peer !== names.source)
    throw new MoveError(words.otherMove(appId, there.peer));
  if (there?.side === 'source' && there.phase !== 'gone')
    throw new MoveError(words.otherMove(appId, there.peer));
  say(words.step(1, words.preparing(names.source, names.target)));
  const differing = await differingRules(sides);
  if (differing.length > 0) say(words.rulesDiffer(differing.join(', ')));
  const filling = there?.phase === 'filling' ? there : await prepareTarget(sides, historySince);
  const atSource = await prepareSource(sides, filling);
  return {
    atSource: sourceOf(atSource),
    atTarget: theOther(sides, atSource, await readRecord(target, appId)),
  };
}

function sourceOf(record: MoveRecord): SourceRecord {
  if (record.side !== 'source') throw new Error('the source is on record as a target');
  return record;
}

/** @throws MoveError where the target is not part of this move, or it is being called off */
function theOther(
  { appId, words }: Sides,
  atSource: MoveRecord,
  there: MoveRecord | undefined,
): TargetRecord {
  if (there?.side !== 'target' || there.moveId !== atSource.moveId)
    throw new MoveError(words.otherMove(appId, atSource.peer));
  if (there.phase === 'refused' || there.phase === 'gone') throw new MoveError(words.calledOff(appId));
  return there;
}
