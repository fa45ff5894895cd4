export interface Next {
  answers: { replies: string; database: string; consoleUser: string; secret: string };
  version: string;
  /** The user of the console is there already. */
  hasUser: boolean;
}

export interface ForConsole {
  kind: 'sandbox' | 'verified';
  mode: 'secure' | 'compatible' | 'plaintext';
  token: string;
  encodingAesKey: string;
  publicUrl: string;
}

/** What init asks, and what it says of what it wrote. */
export const init = {
  begin: (folder: string) =>
    `This writes what a deployment in ${folder} needs. Enter takes what stands in brackets; nothing is written before the last answer.\n`,
  number: 'Number:',
  byDefault: '(default)',
  again: (problem: string) => `It ${problem}. Once more:`,
  oneOf: (count: number) => `must be a number from 1 to ${count}`,
  needs: (flag: string) => `Say ${flag}: nobody can be asked. Nothing was written.`,
  wrongAnswer: (what: string, problem: string) => `${what}: it ${problem}. Nothing was written.`,
  stdinNeedsYes: 'Without --yes the answers come by standard input: --password-stdin goes with --yes alone',
  wouldOverwrite: (names: readonly string[]) =>
    `There are files already: ${names.join(', ')}. Nothing was written: say --overwrite, or go to another folder.`,
  overwrite: (name: string) => `${name} is there already. Write over it? [y/N]`,
  cannotBeWritten: (name: string) =>
    `${name} has characters that a .env file cannot hold: put it into a file, and name that by ${name}_FILE. Nothing was written.`,
  written: 'written',
  kept: 'kept   ',
  checking: 'What the doctor says (the webhook answers once the service runs):',
  notPrepared: (why: string) => `the database could not be prepared: ${why}`,
  questions: {
    kind: 'Which account is it?',
    appId: 'Its AppID:',
    secret: 'Where does the service get the AppSecret from?',
    appSecret: 'Its AppSecret (not shown; Enter: later):',
    token: 'The Token, which you enter at WeChat too:',
    mode: 'How are pushes to be encrypted?',
    encodingAesKey: 'The EncodingAESKey, which you enter at WeChat too:',
    publicUrl: 'The address at which WeChat reaches this service, such as https://your.host (Enter: later):',
    database: 'Which database?',
    databaseUrl: 'Its URL, postgres://… (not shown):',
    replies: 'What answers?',
    repliesUrl: { http: 'The address of the back end:', model: 'The address of the model’s server:' },
    modelKey: 'Its key (not shown; Enter: later):',
    layout: 'Where is the account to be described?',
    consoleUser: 'Name of the first user of the console in the browser (Enter: none):',
  },
  choices: {
    kind: {
      sandbox: 'a sandbox account (接口测试号), for a first try',
      verified: 'a verified account (服务号 or 公众号)',
    },
    secret: {
      file: 'from .env, which only you may read',
      environment: 'from its environment: it is not written down',
    },
    mode: {
      secure: 'secure mode (安全模式)',
      compatible: 'compatible mode (兼容模式), for a change-over',
      plaintext: 'not at all (明文模式)',
    },
    database: {
      embedded: 'embedded PostgreSQL, in .data/',
      compose: 'PostgreSQL of the docker-compose.yml that is written',
      url: 'one of your own',
    },
    replies: {
      rules: 'rules in a file: keywords, menu, scans',
      code: 'a module in JavaScript',
      http: 'a back end of yours, by HTTP',
      model: 'a language model',
    },
    layout: {
      env: 'in .env: it is the only one',
      yaml: 'in accounts.yaml, where others can be added',
      json: 'in accounts.json',
    },
  },
  files: {
    settings: 'Settings of wechat-outbox. It holds secrets: keep it to yourself.',
    fromEnvironment: (name: string) => `${name} comes from the environment.`,
    embedded: 'No DATABASE_URL: the embedded PostgreSQL in .data/ is used.',
    ofCompose: 'Of the PostgreSQL in docker-compose.yml.',
    rules: 'Who is answered what. A change is in force within seconds: wechat-outbox rules check rules.yaml',
    code: 'What users are answered.',
    model: 'A model that answers. Any server that speaks as OpenAI’s chat completions do.',
    compose: 'docker compose up -d: the service, with the settings of .env.',
  },
  /** What to enter at WeChat. */
  console: ({ kind, mode, token, encodingAesKey, publicUrl }: ForConsole) =>
    [
      kind === 'sandbox'
        ? '\nAt WeChat, on the page of the sandbox account, 接口配置信息:'
        : '\nAt WeChat (developers.weixin.qq.com/platform), 域名与消息推送配置:',
      `  URL              ${publicUrl || 'https://your.host'}/wechat`,
      `  Token            ${token}`,
      ...(encodingAesKey === '' ? [] : [`  EncodingAESKey   ${encodingAesKey}`]),
      ...(kind === 'sandbox'
        ? []
        : [
            `  mode             ${{ secure: '安全模式', compatible: '兼容模式', plaintext: '明文模式' }[mode]}`,
            '  and the IP address of this machine into the allowlist (IP白名单), or no token is had (40164)',
          ]),
      'Save it once the service runs: WeChat tries the URL at once.',
    ].join('\n'),
  next: ({ answers, version, hasUser }: Next) =>
    [
      '\nNext:',
      `  npm install wechat-outbox@${version}`,
      ...(answers.database === 'compose' ? ['  docker compose up -d postgres'] : []),
      '  npx wechat-outbox start',
      '  npx wechat-outbox doctor                     in another terminal',
      ...(answers.consoleUser === '' || hasUser
        ? []
        : [`  npx wechat-outbox user add --role admin ${answers.consoleUser}`]),
      '  docker compose up -d                         the same in containers',
    ].join('\n'),
};
