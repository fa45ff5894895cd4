import { databaseUrlForms, forms } from './forms.js';
import type { Need, ProblemSentences, ProblemWords, ValueType } from './problem.js';

const types: Readonly<Record<ValueType, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
};

const databaseUrl = {
  form: forms.databaseUrl,
  unencoded: (character: string) =>
    `has ${character} in its user or password: write ${encodeURIComponent(character)} instead (a password in a URL must be %-encoded), or leave the password out and set DATABASE_PASSWORD, which takes any`,
  incomplete: `must name a host and a database: ${databaseUrlForms}`,
  hosts:
    'must name each of its hosts, and as many ports as hosts: postgres://user:password@one:5432,two:5432/wechat',
  readOnly:
    'asks for a server that may be read only: leave target_session_attrs out, or write read-write or primary',
  percent: 'has a % that is not followed by a valid code: write %25 for a % in the password',
  certificate: (cause: string) => `names a certificate that cannot be read: ${cause}`,
};

const roles = {
  all: 'a process with both roles',
  ingress: 'the role ingress',
  worker: 'the role worker',
};

const needs: Readonly<Record<Need, string>> = {
  fromOthersNotBelieved: 'from others the header is not believed',
  issuerKnowsIt: 'the issuer knows the console by it',
  browsersComeBack: 'the issuer sends browsers back to it',
};

const sentences: ProblemSentences = {
  wrongForm: ({ where, form, given }) =>
    `${where} ${forms[form]}${given === undefined ? '' : ` (it is ${JSON.stringify(given)})`}`,
  wrongType: ({ where, expected }) => `${where} must be ${types[expected]}`,
  unknownKeys: ({ where, keys }) => `${where} has unknown entries: ${keys.join(', ')}`.trimStart(),
  other: ({ where, text }) => `${where} ${text}`,
  unreadable: ({ where, cause }) => `${where} cannot be read: ${cause}`,
  databaseUrl: ({ where, problem }) => {
    switch (problem.kind) {
      case 'unencoded':
        return `${where} ${databaseUrl.unencoded(problem.character)}`;
      case 'certificate':
        return `${where} ${databaseUrl.certificate(problem.cause)}`;
      default:
        return `${where} ${databaseUrl[problem.kind]}`;
    }
  },
  bothSet: ({ one, other }) => `${one} and ${other} are both set: keep one of them`,
  twoPasswords: () => 'DATABASE_PASSWORD and a password in DATABASE_URL are both set: keep one of them',
  passwordWithoutUrl: () =>
    'DATABASE_PASSWORD is set without DATABASE_URL: the embedded PostgreSQL has its own',
  besideAccountsFile: ({ setting }) =>
    `${setting} and ACCOUNTS_FILE are both set: the file says what accounts there are`,
  severalNeedDatabase: ({ because }) =>
    `${because === 'PROCESSES' ? 'PROCESSES above 1' : 'one of several processes (NODE_APP_INSTANCE)'} needs DATABASE_URL: the embedded PostgreSQL serves one process`,
  adminPortsTooHigh: ({ last }) =>
    `PROCESSES and ADMIN_PORT make admin ports up to ${last}: 65535 is the highest`,
  portAmongAdminPorts: ({ port, first, last }) =>
    `PORT ${port} is among the admin ports ${first} to ${last}, one for each process`,
  tooFewConnections: ({ connections, least, role }) =>
    `DATABASE_CONNECTIONS is ${connections}: ${roles[role]} needs ${least} at least`,
  noPublicUrl: () =>
    'PUBLIC_URL is missing: the address under which the pictures of the default replies are served, e.g. https://www.example.com (not needed with REPLIES)',
  noPublicUrlOfAccount: ({ where }) =>
    `${where}.publicUrl is missing: the default replies need it (not with replies)`,
  noKey: ({ where, requiredBy }) => `${where} is missing: ${requiredBy} refuses everything without it`,
  unsignedAndEncrypted: ({ where }) =>
    `${where} takes pushes without a signature, which are never encrypted, and requires encryption: keep one of them`,
  accountTwice: ({ where }) => `${where} is named twice`,
  noVariable: ({ where, name }) => `${where}: the environment has no ${name}`,
  needs: ({ setting, other, because }) => `${setting} needs ${other}: ${needs[because]}`,
  noReplySecret: ({ where }) =>
    `${where} is missing: requests to the back end that answers by HTTP are signed by it (whsec_…)`,
  privateReplies: ({ where, host }) =>
    `${where} leads to ${host}, in your own network: set REPLIES_HTTP_PRIVATE=true if it shall`,
  notBelow: ({ setting, other }) => `${setting} must be less than ${other}`,
  noAccountsList: () => 'must have the list "accounts"',
};

/** What is wrong with the settings, in English: for errors of programs, and for people. */
export const english: ProblemWords = {
  attention: 'The settings need attention:',
  inFile: (file: string, sentence: string) => `ACCOUNTS_FILE ${file}: ${sentence}`,
  forms,
  sentences,
};
