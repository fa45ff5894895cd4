import { randomBytes } from 'node:crypto';
import { namesPrivateAddress } from '../../lib/address-guard.js';
import { UsageError } from '../terminal/usage-error.js';
import type { Words } from '../words/index.js';
import type { Answers } from './answers.js';
import { codeFile, composeFile, modelFile, rulesFile } from './templates.js';

export interface InitFile {
  /** In the folder of the deployment. */
  name: string;
  text: string;
  /** Only its owner may read it. */
  isSecret: boolean;
}

export interface FileOptions {
  /** Of this package. */
  version: string;
  words: Words;
  /** For what nobody chooses: passwords and keys. */
  random?: (bytes: number) => Buffer;
}

/** What a deployment consists of; the same for the same answers and passwords. */
export function filesFor(
  answers: Answers,
  { version, words, random = randomBytes }: FileOptions,
): InitFile[] {
  const { files: say } = words.init;
  const replies = repliesFile(answers, say);
  const accounts = accountsFile(answers, replies);
  const open = (name: string, text: string): InitFile => ({ name, text, isSecret: false });
  const mounted = [replies?.name, accounts?.name].filter((name) => name !== undefined);
  return [
    { name: '.env', text: settingsFile(answers, { words, random, replies, accounts }), isSecret: true },
    ...(accounts ? [accounts] : []),
    ...(replies ? [replies] : []),
    open(
      'docker-compose.yml',
      composeFile(answers, { version, mounted, secretName: variables.appSecret(answers), say }),
    ),
    open('.gitignore', '.env\n.data/\nnode_modules/\n'),
  ];
}

function repliesFile(answers: Answers, say: Words['init']['files']): InitFile | undefined {
  switch (answers.replies) {
    case 'rules':
      return { name: 'rules.yaml', text: rulesFile(say), isSecret: false };
    case 'code':
      return { name: 'replies.mjs', text: codeFile(say), isSecret: false };
    case 'model':
      return { name: 'model.yaml', text: modelFile(answers, say), isSecret: false };
    case 'http':
      return undefined;
  }
}

/** As REPLIES names them. */
function entryOf({ replies, repliesUrl }: Answers, file: InitFile | undefined): string {
  if (!file) return repliesUrl;
  return replies === 'model' ? `model:${file.name}` : `./${file.name}`;
}

/** Several accounts have a file; its secrets are named there, and stand in .env. */
function accountsFile(answers: Answers, replies: InitFile | undefined): InitFile | undefined {
  const { layout, appId, encodingAesKey, mode, publicUrl } = answers;
  if (layout === 'env') return undefined;
  const account = {
    appId,
    appSecret: { env: variables.appSecret(answers) },
    token: { env: variables.token(answers) },
    ...(encodingAesKey === '' ? {} : { encodingAesKey: { env: variables.encodingAesKey(answers) } }),
    ...(mode === 'secure' ? { requireEncryption: true } : {}),
    ...(publicUrl === '' ? {} : { publicUrl }),
    replies: entryOf(answers, replies),
  };
  const json = `${JSON.stringify({ accounts: [account] }, null, 2)}\n`;
  return layout === 'json'
    ? { name: 'accounts.json', text: json, isSecret: false }
    : { name: 'accounts.yaml', text: toYaml(account), isSecret: false };
}

function toYaml(account: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(account).map(([key, value]) => {
    const isReference = typeof value === 'object' && value !== null && 'env' in value;
    return `${key}: ${isReference ? `{ env: ${String(value.env)} }` : JSON.stringify(value)}`;
  });
  return `accounts:\n  - ${lines.join('\n    ')}\n`;
}

/** With an accounts file the names of the one account are taken. */
const nameOf =
  (name: string) =>
  ({ layout }: Pick<Answers, 'layout'>) =>
    layout === 'env' ? `WECHAT_${name}` : `ACCOUNT1_${name}`;
export const variables = {
  appSecret: nameOf('APP_SECRET'),
  token: nameOf('TOKEN'),
  encodingAesKey: nameOf('ENCODING_AES_KEY'),
};

interface Around {
  words: Words;
  random: (bytes: number) => Buffer;
  replies: InitFile | undefined;
  accounts: InitFile | undefined;
}

function settingsFile(answers: Answers, { words, random, replies, accounts }: Around): string {
  const { files: say } = words.init;
  const { layout, secret, database } = answers;
  const password = database === 'url' ? '' : random(18).toString('base64url');
  const variable = (name: string, value: string) => {
    if (value === '') return `${name}=`;
    const written = quoted(value);
    if (written === undefined) throw new UsageError(words.init.cannotBeWritten(name));
    return `${name}=${written}`;
  };
  const secretLine = (name: string, value: string) =>
    secret === 'environment' ? `# ${say.fromEnvironment(name)}` : variable(name, value);
  const lines = [
    `# ${say.settings}`,
    '',
    ...(accounts ? [variable('ACCOUNTS_FILE', accounts.name)] : [variable('WECHAT_APP_ID', answers.appId)]),
    secretLine(variables.appSecret(answers), answers.appSecret),
    variable(variables.token(answers), answers.token),
  ];
  if (answers.encodingAesKey !== '')
    lines.push(variable(variables.encodingAesKey(answers), answers.encodingAesKey));
  if (layout === 'env') {
    if (answers.mode === 'secure') lines.push('WECHAT_REQUIRE_ENCRYPTION=true');
    if (answers.publicUrl !== '') lines.push(variable('PUBLIC_URL', answers.publicUrl));
    lines.push(variable('REPLIES', entryOf(answers, replies)));
  }
  lines.push(...ofReplies(answers, secretLine, random), '', ...ofDatabase(answers, password, variable, say));
  return `${lines.join('\n')}\n`;
}

type Line = (name: string, value: string) => string;

function ofReplies(
  { replies, repliesUrl, modelKey }: Answers,
  secretLine: Line,
  random: Around['random'],
): string[] {
  if (replies === 'model') return [secretLine('MODEL_API_KEY', modelKey)];
  if (replies !== 'http') return [];
  const key = `whsec_${random(32).toString('base64')}`;
  const isPrivate = namesPrivateAddress(new URL(repliesUrl));
  return [`REPLIES_HTTP_SECRET='${key}'`, ...(isPrivate ? ['REPLIES_HTTP_PRIVATE=true'] : [])];
}

function ofDatabase(
  { database, databaseUrl }: Answers,
  password: string,
  variable: Line,
  say: Words['init']['files'],
): string[] {
  switch (database) {
    case 'embedded':
      return [`# ${say.embedded}`, `# ${say.ofCompose}`, variable('POSTGRES_PASSWORD', password)];
    case 'compose':
      return [
        variable('DATABASE_URL', 'postgres://wechat@127.0.0.1:5432/wechat'),
        variable('DATABASE_PASSWORD', password),
        `# ${say.ofCompose}`,
        variable('POSTGRES_PASSWORD', password),
      ];
    case 'url':
      return [variable('DATABASE_URL', databaseUrl)];
  }
}

/** As Node and Docker Compose both read it; undefined where no way of writing means the same to both. */
function quoted(value: string): string | undefined {
  if (/^[\w./:@=+%?&,-]+$/.test(value)) return value;
  if (/[\r\n]/.test(value)) return undefined;
  if (!value.includes("'")) return `'${value}'`;
  return /["$\\`]/.test(value) ? undefined : `"${value}"`;
}
