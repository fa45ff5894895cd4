export const databaseUrlForms =
  'postgres://user:password@host:5432/database, or postgres://user@/database?host=/path/of/the/socket';

/** The forms that values must have, by name, and in English: a sentence whose subject is the setting. */
export const forms = {
  appIdMissing: 'is missing: the AppID from the console, e.g. wx0123456789abcdef',
  appId: 'must be the AppID from the console, e.g. wx0123456789abcdef',
  appSecretMissing: 'is missing: the AppSecret from the console',
  tokenMissing: 'is missing: choose 3 to 32 letters or digits and enter the same in the console',
  token: 'must be 3 to 32 letters or digits, the same as in the console',
  encodingAesKey: 'must be the EncodingAESKey from the console: 43 letters and digits',
  webUrl: 'must be an http(s) URL such as https://example.com',
  origin: 'must be an origin such as https://www.example.com, without a path',
  proxy: 'must be an address such as http://proxy.example:3128, with user:password@ where it asks',
  ipFamily: 'must be 4, 6 or auto',
  onUnknown: 'must be resend or hold',
  onOverflow: 'must be cut or refuse',
  cloudHosting: 'must be off, on or source',
  accessTokenMode: 'must be stable or classic',
  flag: 'must be true or false',
  logLevel: 'must be one of fatal, error, warn, info, debug, trace, silent',
  allowance: 'must be messages/time, e.g. 5/48h or 3/60s',
  userLimit: 'must be messages/time with commas between, e.g. 10/1m,200/1d',
  sendRate: 'must be a number of sends a second, at most 100000, 0 for no limit',
  port: 'must be a port number, 0 to 65535',
  seconds: 'must be a number of seconds, 0 to 86400',
  mergeWithin: 'must be a number of seconds, 0 (each message by itself) to 30',
  rescueAfter: 'must be a number of seconds, 1 to 600',
  concurrency: 'must be a number, 1 to 1000',
  processes: 'must be a number, 1 to 64',
  connections: 'must be a number of connections, at most 1000: 6 at least for a process with both roles',
  fewConnections: 'must be 6 at least (5 for the role worker, 3 for the role ingress)',
  inboxQueue: 'must be a number of messages, 1 at least',
  retentionDays: 'must be a number of days, 0 (keep all) to 36500',
  forgetAfter: 'must be off, or a number of days, 0 to 9999',
  overflowNotice: 'must have 200 characters at most',
  databaseUrl: `must be a URL such as ${databaseUrlForms}`,
  secretReference: 'must say where the secret is: { env: NAME } or { file: path }',
  accounts: 'must be a list of accounts',
  noAccounts: 'must name at least one account',
  notEmpty: 'must not be empty',
  minutes: 'must be a number of minutes, 0 (never) to 10080',
  word: 'must be texts of 100 characters at most, with commas between',
  ranges: 'must be addresses or ranges such as 10.0.0.0/8, with commas between',
  consolePath: 'must be off, or a path such as /console, without a slash at its end',
  headerName: 'must be the name of a header',
  issuer: 'must be a URL such as https://id.example.com',
  safeIssuer: 'must be https, unless it runs on this machine',
  role: 'must be one of viewer, agent, analyst, operator, admin',
};

export type Form = keyof typeof forms;

/** What a shape of zod has to say where a value does not have this form: its name, which others put in words. */
export function form(name: Form): { error: Form } {
  return { error: name };
}
