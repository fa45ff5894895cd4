import { clearSource, dropGuards } from './clear.js';
import { copyAccount } from './copy-account.js';
import { awaitLanes, awaitQuiet, close, hold } from './hold.js';
import { MoveError } from './move-error.js';
import { openTarget } from './open.js';
import { differingRules, prepareSource, prepareTarget } from './prepare.js';
import {
  changePhase,
  lockPhases,
  type MoveRecord,
  readRecord,
  type SourcePhase,
  type TargetPhase,
} from './record.js';
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
  const { words, say } = sides;
  let { atSource, atTarget } = await begin(sides, options);
  sides.alone();
  if (atTarget.phase === 'filling' && BigInt(atTarget.copies) < BigInt(atSource.copies))
    atSource = await copyAnew(sides, atSource, atTarget);
  if (atSource.phase === 'copying') {
    say(words.step(2, words.copying));
    await copyInRounds(sides, atSource);
    say(words.step(3, words.holding));
    await hold(sides);
    atSource = { ...atSource, phase: 'held' };
  }
  if (atSource.phase === 'left' && atTarget.phase === 'filling') atSource = await stepBack(sides, atSource);
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
    await leave(sides);
    say(words.works(sides.names.target));
    atSource = { ...atSource, phase: 'left' };
  }
  if (atSource.phase === 'left') {
    say(words.step(6, words.clearing));
    await clearSource(sides, atSource);
    await dropGuards(sides.target, sides.appId);
  }
  return 'moved';
}

async function leave({ appId, source, alone }: Sides): Promise<void> {
  alone();
  await inTransactionWithTries(source, async (client) => {
    await lockPhases(client);
    await changePhase(client, appId, { from: ['closed'], to: 'left' });
  });
}

/** The target lost its last commits, and copies with them: all are made again. */
async function copyAnew(
  { appId, source, say, words }: Sides,
  record: SourceRecord,
  { copies }: TargetRecord,
): Promise<SourceRecord> {
  say(words.copiedAnew);
  await source.query('update wechat.account_move set copied_up_to = 0, copies = $2 where app_id = $1', [
    appId,
    copies,
  ]);
  return { ...record, copiedUpTo: '0', copies };
}

/**
 * The target was open, and does not know of it any more: what it lacks is copied from what the source still has. How much of the
 * copies it lost with it nobody can tell, so all of them are made again.
 */
async function stepBack({ appId, source, say, words }: Sides, record: SourceRecord): Promise<SourceRecord> {
  say(words.openedAgain);
  await inTransactionWithTries(source, async (client) => {
    await lockPhases(client);
    await changePhase(client, appId, { from: ['left'], to: 'closed' });
    await client.query('update wechat.account_move set copied_up_to = 0 where app_id = $1', [appId]);
  });
  return { ...record, phase: 'closed', copiedUpTo: '0' };
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
  sides.alone();
  await copyRound(sides, record, { openToo: true });
  await awaitQuiet(sides);
  await copyRound(sides, record, { openToo: true });
  sides.alone();
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
  if (before?.side === 'source' && there?.moveId === before.moveId && !doFit(before, there))
    throw new MoveError(words.doNotFit(appId, before.phase, there.phase));
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

/** What the target may be at; one that was called off or taken elsewhere is told of in other words. */
const fitting: Readonly<Record<SourcePhase, readonly TargetPhase[]>> = {
  copying: ['filling', 'refused', 'gone'],
  held: ['filling', 'refused', 'gone'],
  closed: ['filling', 'open', 'refused', 'gone'],
  left: ['filling', 'open'],
  gone: ['open'],
};

function doFit({ phase }: SourceRecord, there: MoveRecord): boolean {
  return there.side === 'target' && fitting[phase].includes(there.phase);
}

/** @throws MoveError where the target is not part of this move, or it is being called off */
function theOther(
  { appId, words }: Sides,
  atSource: MoveRecord,
  there: MoveRecord | undefined,
): TargetRecord {
  if (!there) throw new MoveError(words.notAtTarget(appId));
  if (there.side !== 'target' || there.moveId !== atSource.moveId)
    throw new MoveError(words.otherMove(appId, atSource.peer));
  if (there.phase === 'refused' || there.phase === 'gone') throw new MoveError(words.calledOff(appId));
  return there;
}
