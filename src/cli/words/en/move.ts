import { count } from '../measures.js';

/** What `move-account` says: of each step, and of what keeps it from going on. */
export const move = {
  step: (number: number, what: string) => `${number}/6 ${what}`,
  preparing: (source: string, target: string) =>
    `prepare: from ${source} to ${target}; the target stores what comes for the account, and waits`,
  copying: 'copy, while the source works as ever',
  copied: (messages: number) => `  ${count(messages, 'message')} copied`,
  holding: 'hold: from now on nobody is answered; pushes are stored. Waiting for what is being sent',
  inHand: (lanes: number) => `  ${count(lanes, 'conversation')} in the hand of a worker`,
  switching: (appId: string) => `all is copied. Switch the router now: /wechat/${appId} goes to the target`,
  pressEnter: 'Press Enter when the router is switched: ',
  waiting: (appId: string) =>
    `The account is held at both sides, and pushes are stored. When the router is switched, run the same with --switched; to call it off, with --abort. (${appId})`,
  switchFailed: (code: number | string) =>
    `the command of --switch ended with ${code}: see to the router, then run this again with --switched`,
  opening: 'hand over: the source takes no more pushes, the rest is copied, the target begins',
  works: (target: string) => `  ${target} works for the account`,
  clearing: 'clear: what the target has goes from the source',
  cleared: (messages: number) => `  ${count(messages, 'message')} cleared`,
  moved: (appId: string, target: string) => `${appId} is at ${target}`,
  calledOffNow: (appId: string, source: string) =>
    `The move is called off: ${appId} is at ${source}. The router must send its pushes there; the target refuses them`,
  rulesDiffer: (names: string) =>
    `  rules do not move, and at the target they are others or missing: ${names}`,
  underWay: (appId: string) => `another command moves ${appId} at this moment`,
  lockLost: (appId: string) =>
    `the lock that kept others from moving ${appId} has gone with its connection: run this again, which goes on from here`,
  notAnyMore: (appId: string, phase: string) =>
    `the move of ${appId} is not at "${phase}" any more: another command was here, or a database lost its last commits. See --status`,
  doNotFit: (appId: string, source: string, target: string) =>
    `the two sides of the move of ${appId} do not fit: the source is at "${source}", the target at "${target}", so one of them lost its last commits (a failover or a restore). Nothing was changed: see "move-account" in docs/operate.md`,
  copiesLost:
    'the target has lost copies with its last commits (a failover or a restore): run this again, which copies all anew',
  copiedAnew: '  the target has lost copies with its last commits: all is copied anew',
  notAtTarget: (appId: string) =>
    `the target knows nothing of the move of ${appId}: --to is another database, or that one lost it (a failover or a restore). Then call the move off with --abort, and begin anew`,
  openedAgain: '  the target has lost that it was opened: the rest is copied once more',
  sameDatabase: 'the target is the same database, or another command moves the account there at this moment',
  otherVersion:
    'source and target are not of this version both: run "wechat-outbox migrate" with each, and this command with that version',
  blockFull:
    'more came to the source than ids were kept for at the target: call the move off (--abort), and begin anew',
  notSwitched: (appId: string) =>
    `pushes of ${appId} still come to the source: the router does not send them to the target. Nothing is lost: switch it, then run this again with --switched, or call the move off with --abort`,
  renewing: 'a token is being renewed at the source, and that does not end: run this again',
  missing: (messages: number) =>
    `the target lacks ${count(messages, 'message')} that the source has not answered: nothing was opened; run this again`,
  tooLate: (appId: string) =>
    `the target works for ${appId} already, so the move cannot be called off: finish it, then move the account back`,
  movedAway: (appId: string, peer: string) => `${appId} is not here any more: it went to ${peer}`,
  notHere: (appId: string, phase: string) =>
    `${appId} does not work in this database (${phase}): DATABASE_URL must be that of the source`,
  atTarget: (appId: string) => `${appId} is at the target already`,
  calledOff: (appId: string) => `the move of ${appId} is being called off: finish that first, with --abort`,
  otherMove: (appId: string, peer: string) =>
    `${appId} is under way in another move, with ${peer}: --to and DATABASE_URL must be those of that one`,
  sayTo: 'Say --to: the URL of the other database',
  notBoth: 'Say one of --status, --abort, --switched and --switch',
  shortHistory: 'The history must be "all" or at least 7 days: replies depend on the last week',
  status: {
    none: 'no move',
    phase: (side: string, phase: string, since: string, peer: string) =>
      `${side}, ${phase} since ${since} (${side === 'source' ? 'to' : 'from'} ${peer})`,
    lanes: (lanes: number, inHand: number) =>
      `${count(lanes, 'conversation')} not answered, ${inHand} in hand`,
    noted: (messages: number) => `${count(messages, 'message')} to copy again`,
  },
};
