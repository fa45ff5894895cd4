/** What the doctor found, and what to do about it. */
export const doctor = {
  allWell: 'nothing is in the way',
  failed: (number: number) => `${number} to be put right`,
  notLookedAt: (why: string) => `not looked at: ${why}`,
  runThere: 'run it where the service runs',
  incomplete: 'the settings are not complete',
  noSettings: 'no settings of an account here',
  tryAgain: 'try again in a minute',
  settings: {
    complete: (accounts: string) => `complete, for ${accounts}`,
    seeExample: 'see .env.example',
    unsigned: (appId: string) =>
      `${appId} takes pushes without one (WECHAT_CLOUD_HOSTING): whoever reaches the port can write as any user`,
    closeAccess: 'let public access of the service be off',
    plaintext: (appId: string) => `${appId} takes plaintext: its signature does not cover what is pushed`,
    chooseSecure: 'choose secure mode in the console and set WECHAT_ENCODING_AES_KEY',
    plaintextToo: (appId: string) => `${appId} takes plaintext beside what is encrypted`,
    requireEncryption: 'once secure mode works, set WECHAT_REQUIRE_ENCRYPTION=true',
  },
  database: {
    embedded: 'DATABASE_URL is not set: the embedded PostgreSQL is used',
    fineOnOne: 'fine on one machine; set DATABASE_URL for more',
    checkUrl: 'check DATABASE_URL, that the server runs, and that it lets this machine in',
    fsyncOff: 'fsync is off: acknowledged messages are lost when the machine loses power',
    fsyncOn: 'set fsync = on',
    limits: {
      server: 'the server',
      database: (name: string) => `the database ${name}`,
      role: (name: string) => `the role ${name}`,
    },
    connections: (used: number, most: number, limitOf: string, own: number) =>
      `${used} of ${most} of ${limitOf} in use; a process may open ${own} (DATABASE_CONNECTIONS)`,
    moreConnections: 'for another process, raise the limit or lower DATABASE_CONNECTIONS: 6 are enough',
    clock: (off: string) => `${off} from the database's`,
    synchroniseBoth: 'synchronise both with NTP: reply windows and token lifetimes go by them',
    unknownMigrations: (names: readonly string[], reasons: readonly string[]) =>
      `another version of wechat-outbox made it: this one cannot work with its migrations ${names.join(', ')}${reasons.length > 0 ? ` (${reasons.join('; ')})` : ''}`,
    otherVersion: 'run the version that made it, or use an empty database',
    newerMigrations: (names: readonly string[]) =>
      `a newer version has applied ${names.join(', ')}: this one works beside it`,
    endUpgrade: 'fine during an upgrade; then run the newer version everywhere',
    migrated: 'up to date',
    pending: (names: readonly string[]) => `missing: ${names.join(', ')}`,
    mayWrite: 'may read and write',
    mayNotWrite: (tables: readonly string[]) => `this user may not write ${tables.join(', ')}`,
    fineForOperator: 'fine for an operator; the service needs a user that owns the schema wechat',
    noRole: (name: string) => `there is no role ${name}`,
    createRole: (name: string) =>
      `let an administrator run "create role ${name} nologin", then grant as in migrations/`,
    workers: (alive: number) => `${alive} alive`,
    noWorkers: 'none is alive',
    waiting: (messages: number, oldest: string) => `${messages} waiting, the oldest for ${oldest}`,
    nothingWaits: 'nothing waits',
  },
  afterRestore: {
    only: '--point and --log belong to --after-restore.',
    notRestored: 'the database is where it always was: it was not restored, or PostgreSQL does not know',
    namePoint: 'after a disk was put back, name the moment: --point',
    wentOn: (at: string, seenAt: string, gap: string, timeline: number | undefined) =>
      `its last sign is of ${at}; it went on at ${seenAt}, ${gap} later${timeline === undefined ? '' : `, on timeline ${timeline}`}`,
    notStarted: (at: string, gap: string, timeline: number | undefined) =>
      `its last sign is of ${at}, ${gap} ago${timeline === undefined ? '' : `; it is on timeline ${timeline}`}, and the service has not been started on it`,
    failover:
      'after a failover to a synchronous standby nothing is missing, and the rest does not concern you',
    lostUnknown:
      'what was acknowledged after that is gone: how much, neither the database nor WeChat can tell, and WeChat does not push it again',
    giveLog: 'the log of ingress can: --log',
    lost: (count: number) => `${count} acknowledged by the log, and not in the database`,
    lostTodo: 'their content is nowhere any more: time, account, type and request id are what is known',
    toSend: (
      deliveries: number,
      messages: number,
      underWay: number,
      span: { from: string; to: string } | undefined,
    ) =>
      span
        ? `${deliveries} deliveries of ${messages} messages from ${span.from} to ${span.to}, ${underWay} of them under way: they may have been sent already`
        : 'no delivery',
    toAnswer: (messages: number, span: { from: string; to: string } | undefined) =>
      span
        ? `${messages} messages from ${span.from} to ${span.to} without an answer on record: they may have been answered already`
        : 'no message',
    holdOrGo: 'start the service and they go; or keep them back: wechat-outbox hold --after-restore',
    answered: (answered: number, open: number) =>
      `to ${answered} of these ${open} messages something was sent that is not on record`,
    holdAnswered: 'keep these back: wechat-outbox hold --after-restore --log …',
    attemptedSince: (count: number) => `${count} deliveries of before have been attempted since`,
    token: (appId: string, kind: string, at: string) =>
      `${kind} of ${appId} is of ${at}: if WeChat refuses it, it is renewed by itself`,
    deadWorkers: (count: number) =>
      `${count} on record do not live: what they held goes on within 30 s of a worker's start`,
    handovers: (count: number) =>
      `${count} conversations are with a person, as of then: who took over or handed back later is forgotten`,
    lookAtHandovers: 'look through them at the console',
    callbacks: (count: number) =>
      `${count} answers of back ends are awaited that may have come: their messages wait until the callback expires`,
    forgotten: 'users whom you forgot after that are back, with all that they wrote',
    forgetAgain: 'forget them again: wechat-outbox forget',
    takenBack:
      'gone as well: changes of rules, saved answers, console users and pauses after that, and what users and models had used up of their limits',
  },
  api: {
    answers: (url: string, ms: number) => `${url} answers in ${ms} ms`,
    clockOff: (url: string, off: string) => `${url} answers, but its clock is ${off} from ours`,
    synchronise: 'synchronise this machine with NTP: pushes would be refused as stale',
    unreachable: (url: string, cause: string) => `${url} cannot be reached: ${cause}`,
    checkNetwork:
      'check DNS, firewall, HTTPS_PROXY and WECHAT_API_IP_FAMILY of this machine, and WECHAT_API_BASE',
  },
  webhook: {
    answersHere: (appId: string, port: number) => `answers for ${appId} on port ${port} of this machine`,
    answersAt: (url: string) => `${url} answers`,
    here: (port: number, problem: string) => `on port ${port} of this machine: ${problem}`,
    fineElsewhere: 'fine if it runs elsewhere; else wechat-outbox start',
    checkOutside: 'if WeChat calls this name (PUBLIC_URL): check DNS, TLS and the proxy in front',
    wrong: (status: number, text: string) => `the server check is answered with ${status} ${text}`,
  },
  account: {
    wouldEndToken: (appId: string) => `asking for one would end that of ${appId}`,
    hasToken: (appId: string, goodFor: string) => `${appId} has one for ${goodFor}`,
    noToken: (appId: string, cause: string, reason: string | undefined) =>
      `${appId}: No access token: ${cause}${reason ? ` (${reason})` : ''}`,
    noResponse: 'no response',
    remedies: {
      40013: 'correct WECHAT_APP_ID',
      40125: 'correct WECHAT_APP_SECRET; a reset in the console makes the old one invalid',
      40164: 'add this machine’s IP to the allowlist in the console (basic configuration)',
    },
    maySend: (appId: string) => `${appId} may send customer-service messages`,
    notTold: (appId: string, errmsg: string) => `${appId}: the API did not tell: ${errmsg}`,
    unverified: (appId: string, refusal: string) =>
      `${appId}: unverified account: the customer-service API is not open to it (${refusal})`,
    verify: 'have it verified (认证) in the console, or try the sandbox account, which has the API',
    refused: (appId: string, refusal: string, reason: string | undefined) =>
      `${appId}: ${refusal}${reason ? ` (${reason})` : ''}`,
  },
};
