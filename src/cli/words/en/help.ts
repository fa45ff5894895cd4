/** Of --help: what commands, arguments and options are for. */
export const help = {
  about:
    'Answers the users of a WeChat Official Account, durably: webhook in, Postgres between, customer-service messages out.',
  /** Of commander itself. */
  help: 'display help for command',
  version: 'output the version number',
  json: 'as JSON, for scripts',
  yes: 'go ahead without asking',
  ofAccount: 'of this account only',
  whichAccount: 'where the user wrote to several',
  appId: 'its AppID',
  deliveryIds: 'deliveries, as list shows them',
  lastCode: 'with this errcode as their last',
  overview: `
Settings come from the environment and from a file .env in the working directory; see .env.example.
Commands for operators need DATABASE_URL alone, but for token, menu, rules import, simulate and doctor.
Exit codes: 0 done, 1 something went wrong or was not done, 2 the call or the settings are wrong.

Examples:
  wechat-outbox demo                  see it work, with a simulated WeChat and user
  wechat-outbox start                 webhook and worker in one process
  wechat-outbox start --role worker   only the worker; run as many as you like
  wechat-outbox migrate               bring the database up to date and end

  wechat-outbox status                how things stand
  wechat-outbox list                  what is not through, and why
  wechat-outbox show 4711             one message, with every attempt
  wechat-outbox requeue --state failed --code 45009 --since 2h
  wechat-outbox export --since 7d --format csv --output week.csv
  wechat-outbox doctor                what is in the way, and what to do about it`,
  init: {
    about: 'ask what a deployment must know, and write its files: .env, replies, docker-compose.yml',
    folder: 'where to',
    yes: 'ask nothing: what no flag says is as by default',
    overwrite: 'write over files that are there',
    kind: 'the account',
    appId: 'its AppID',
    secret: 'where the AppSecret stands: in .env, or in the environment of the service alone',
    mode: 'how pushes are encrypted',
    publicUrl: 'the address at which WeChat reaches the service',
    database: 'embedded, the one of docker-compose.yml, or your own by DATABASE_URL',
    replies: 'what answers',
    repliesUrl: 'of the back end (http), or of the model’s server',
    accounts: 'where the account is described: in .env, accounts.yaml or accounts.json',
    consoleUser: 'the first user of the console',
    passwordStdin: 'read their password from standard input (with --yes)',
    noCheck: 'do not look with the doctor, and touch no database',
    more: `
Secrets are no flags, which others on the machine could read: WECHAT_APP_SECRET, WECHAT_TOKEN, WECHAT_ENCODING_AES_KEY,
MODEL_API_KEY and DATABASE_URL are taken from the environment, or asked for. Token and EncodingAESKey are made where there are none.

Examples:
  wechat-outbox init
  wechat-outbox init --yes --kind verified --app-id wx0123456789abcdef --public-url https://your.host`,
  },
  start: {
    about: 'run the service: migrate, receive pushes, answer them, until SIGTERM or Ctrl-C',
    role: 'what this process does',
  },
  migrate: {
    about: 'bring the database up to date; safe to run at any time, also several times at once',
  },
  status: {
    about: 'how things stand: what waits, rates, failures by code, pauses, tokens, workers',
    watch: 'again and again',
  },
  list: {
    about: 'deliveries or messages, the newest first; without --state, those that are not through',
    what: 'what to list',
    state:
      'of deliveries: pending, sending, sent, failed, expired, unknown, cancelled; of messages: received, answering, settled, failed',
    openid: 'of this user only',
    since: '2h, 7d, 2026-11-23 or "2026-11-23 09:30" (default: 7d)',
    until: 'the same',
    text: 'that contain it',
    limit: 'no more than',
    more: `
Examples:
  wechat-outbox list                                   all that is not sent
  wechat-outbox list --state failed --code 45009 --since 2h
  wechat-outbox list messages --state failed           those whose reply logic failed
  wechat-outbox list messages --text 退款 --state settled`,
  },
  show: {
    about: 'one message: what came in, what was planned, every attempt, and what to do',
    id: "the message's",
    delivery: "the id is a delivery's",
  },
  conversation: {
    about: 'both sides of what was said with a user, in order',
    limit: 'of the latest messages',
  },
  export: {
    about: 'both directions of the history, a record a message, for other programs',
    since: 'messages received since 2h, 7d, 2026-11-23 or "2026-11-23 09:30"',
    until: 'and before (default, and at the latest: 5 seconds ago)',
    format: 'a JSON object a line, or a table',
    output: 'a file, which is there when it is whole (default: standard output)',
    overwrite: 'replace a file that is there',
    payload: 'with every field as WeChat sent or got it',
    excel: 'csv for spreadsheets: marked as UTF-8, and no text taken for a formula',
    more: `
Each message of a user is followed by its deliveries, whenever those were sent; the order is that of arrival. Times
are in UTC. What arrived in the last 5 seconds is left out: it may still be on its way into the database.

While it is unfinished, what goes to --output FILE is in FILE.….part beside it, and FILE is as it was.

Examples:
  wechat-outbox export --since 7d --format csv --excel --output week.csv
  wechat-outbox export --since 2026-11-01 --until 2026-12-01 --format ndjson --payload --output november.ndjson
  wechat-outbox export --since 1h --format ndjson | jq -r 'select(.state == "failed") | .errmsg'`,
  },
  requeue: {
    about: 'send again what ended without being sent; says what it would do, and asks',
    messages: 'messages instead: run the reply logic again where it failed for good',
    state: 'all that ended so',
    since: 'that ended since then: 2h, 7d, 2026-11-23 (default: 1d)',
    limit: 'the oldest so many (default: 1000)',
    force: 'also past the reply window, where WeChat will likely refuse (45015)',
    dryRun: 'only say what it would do',
    more: `
Safe to run twice, and while workers run; the order of a conversation is kept. Exit code 1 when one of the
ids given was not requeued.

Examples:
  wechat-outbox requeue 4711 4712
  wechat-outbox requeue --state failed --code 45009 --since 2h --dry-run
  wechat-outbox requeue --messages --since 1h --yes    after a bug in the reply logic was mended`,
  },
  cancel: {
    about: 'give up what waits to be sent; asks first',
    messages: 'messages instead: all that waits of them',
  },
  hold: {
    about: 'keep back what may have been sent already: it ends as unknown, and can be requeued; asks first',
    ids: 'ids of messages',
    afterRestore: 'the messages of before the restore that are not answered to the end',
    log: 'only those of them that were answered by these files with the log of the service',
    more: `
Examples:
  wechat-outbox hold --after-restore --log ingress.log worker.log
  wechat-outbox requeue --state unknown --since 1h --yes   what was held goes after all`,
  },
  pause: {
    about: 'stop the sends of an account, in all processes; messages are stored and wait',
    reason: 'for those who wonder',
  },
  resume: { about: 'end the pause of an account, whether an operator or WeChat began it' },
  move: {
    about: 'move an account to the database of another deployment, without losing or repeating a message',
    to: 'DATABASE_URL of the other deployment; DATABASE_URL here is where the account is',
    history: 'how many days of settled messages go along, at least 7; what is older stays',
    switch:
      'a shell command that has the router send the pushes to the other deployment; run at the right moment',
    switched: 'the router is switched: go on',
    abort: 'call the move off, as long as the other deployment does not work for the account',
    status: 'how the move stands, here and with --to there',
    more: `
Run again after whatever stopped it, the command goes on from there. Read "When one Postgres is full" in the documentation first.

Examples:
  wechat-outbox move-account wx0123456789abcdef --to postgres://wechat@db-b/wechat
  wechat-outbox move-account wx0123456789abcdef --to postgres://wechat@db-b/wechat --switch ./route-to-b.sh
  wechat-outbox move-account wx0123456789abcdef --to postgres://wechat@db-b/wechat --status`,
  },
  token: {
    about: 'access tokens',
    refresh: "have WeChat hand out another access token, for all processes; needs the account's settings",
  },
  menu: {
    about: "the account's menu as a file",
    account: 'whose menu; needed where the settings have several accounts',
    file: 'the menu, in YAML',
    target: 'where to (default: standard output)',
    pull: 'write the menu as it is at WeChat; one that was made in the console, too',
    diff: 'show what a push would change; exit code 1 where there is something',
    push: 'make the menu that of the file; shows what changes, and asks',
    more: `
Examples:
  wechat-outbox menu pull menu.yaml
  wechat-outbox menu diff menu.yaml
  wechat-outbox menu push menu.yaml`,
  },
  rulesImport: {
    about: "write the automatic replies of WeChat's console as a file of rules, with their pictures",
    account: 'whose replies; needed where the settings have several accounts',
    output: 'the file; pictures and voices go into a folder beside it',
    more: `
What WeChat does not hand out is named in the file, where it would stand.

Example:
  wechat-outbox rules import --output rules.yaml`,
  },
  send: {
    about: 'send a text to a user who wrote before, through the outbox like every reply',
    text: 'what to say; long text is split',
    force: 'also past the reply window',
  },
  forget: {
    about: 'remove who a user is and all that was said with them, and keep the counts; asks first',
    more: `
Exit code 1 when a worker has a message of theirs in hand: run it again in a moment. What they write afterwards
is kept as a new user's would be.`,
  },
  rules: {
    about: 'rules that answer (REPLIES=rules.yaml): try them, check them, and go back',
    test: 'which rule would answer, with what, and why those before it would not; exit code 1 when none would',
    text: 'what the user writes',
    event: 'an event instead, such as subscribe; with --scan: of a new follower',
    click: 'a click on the menu entry with this key',
    scan: 'a scan of the QR code with this scene',
    type: 'a message of this type, such as image; a text beside it is what voice was recognised as',
    openid: 'the user (default: oTest)',
    account: 'the account (default: by the settings)',
    at: 'when, as 2026-11-23 09:30 (default: now)',
    file: 'rules of this file, not those in force',
    name: 'the file whose rules are meant, where there are several',
    all: 'all rules that would not answer, not the last 20 alone',
    check: 'check files and say what is wrong, with lines and columns; exit code 1 when one is not in order',
    checked: 'the rules (default: those that REPLIES names, and models)',
    show: 'the rules in force, or an earlier version',
    version: 'its number, as versions shows it',
    versions: 'which versions there were, whose, and when',
    limit: 'no more than',
    restore: 'put an earlier version in force again, in all processes',
    note: 'why, for the record',
    schema: 'print the JSON Schema of the file, for editors',
  },
  user: {
    about: 'who may use the console in the browser',
    name: 'what they sign in as',
    add: 'add one; asks for a password',
    role: 'what they may do',
    displayName: 'what the console shows of them (default: the name)',
    passwordStdin: 'read the password from standard input',
    noPassword: 'none: they sign in by OpenID Connect or through a proxy',
    list: 'all of them, with their roles and sessions',
    setPassword: 'give them another password; asks for it, and ends their sessions',
    setRole: 'give them another role, from their next click on',
    disable: 'keep them out, and end their sessions',
    enable: 'let them in again',
    remove: 'remove one; asks first',
    sessions: 'where they are signed in',
    revoke: 'sign them out everywhere',
  },
  console: {
    about: 'print a link that signs an admin in to the console, once, within 15 minutes',
    url: 'where browsers reach the console (default: by the settings)',
  },
  simulate: {
    about: 'push a message at the running service, signed as WeChat would; needs its settings',
    text: 'what the user says (or --phone)',
    phone: 'a phone in the browser instead, until Ctrl-C; the service must call the API that it prints',
    port: 'where the phone and the simulated API are (with --phone)',
    menu: 'the menu of the account, as for menu/create (with --phone)',
    openid: 'who says it (default: somebody new)',
    account: 'to whom (default: the first)',
    url: 'where the webhook is (default: on this machine)',
  },
  doctor: {
    about: 'check settings, database, migrations, clock, API, secret, allowlist and webhook; says what to do',
    afterRestore: 'instead: what a restore of the database has lost, and what will be sent again',
    point: 'the moment that was restored to, where the database does not know: 2h or "2026-11-23 09:30"',
    log: 'files with the log of the service from then on: they tell what was lost',
  },
  demo: {
    about: 'play a conversation between a simulated WeChat user and the service, on an embedded PostgreSQL',
    once: 'end when every reply has arrived: exit code 0, or 1 if one is missing',
    replies:
      'answer with these instead of the default replies, as in REPLIES; there is no play then, only the phone',
  },
};
