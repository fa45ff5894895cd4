import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { describeError } from '../lib/describe-error.js';
import {
  type AccountConfig,
  accessTokenMode,
  allowance,
  appId,
  appSecret,
  cloudHosting,
  currentAndPrevious,
  encodingAesKey,
  isContradiction,
  limitNotice,
  mergeWithin,
  onOverflow,
  onUnknown,
  origin,
  sendRate,
  token,
  userLimit,
  webhookSecret,
  webUrl,
} from './account.js';
import { form } from './forms.js';
import { problemOf } from './issues.js';
import type { SettingsProblem } from './problem.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** What an account has that says nothing else. */
export type AccountDefaults = Omit<AccountConfig, 'appId' | 'appSecret' | 'token' | 'encodingAesKeys'>;

export type AccountsFileResult =
  | { ok: true; accounts: AccountConfig[] }
  | { ok: false; problems: SettingsProblem[] };

const secretReference = z.union(
  [z.strictObject({ env: z.string().min(1) }), z.strictObject({ file: z.string().min(1) })],
  form('secretReference'),
);

const flag = z.boolean(form('flag'));

const name = z.string().min(1, form('notEmpty'));

const entry = z.strictObject({
  appId,
  appSecret: secretReference,
  token: secretReference,
  encodingAesKey: secretReference.optional(),
  encodingAesKeyPrevious: secretReference.optional(),
  requireEncryption: flag.optional(),
  componentAppId: appId.optional(),
  cloudHosting: cloudHosting.optional(),
  name: name.optional(),
  publicUrl: webUrl.optional(),
  replies: z.union([name, z.array(name)], form('replies')).optional(),
  repliesHttpSecret: secretReference.optional(),
  repliesHttpSecretPrevious: secretReference.optional(),
  accessTokenMode: accessTokenMode.optional(),
  onUnknown: onUnknown.optional(),
  onOverflow: onOverflow.optional(),
  ordered: flag.optional(),
  mergeWithin: mergeWithin.optional(),
  typingIndicator: flag.optional(),
  sendRate: sendRate.optional(),
  windows: z
    .strictObject({
      message: allowance.optional(),
      menu: allowance.optional(),
      subscribe: allowance.optional(),
      scan: allowance.optional(),
    })
    .optional(),
  userLimit: z.union([userLimit, z.array(userLimit)], form('userLimit')).optional(),
  limitNotice: limitNotice.optional(),
  jsapiOrigins: z.array(origin).optional(),
});

type Entry = z.infer<typeof entry>;

/** What an account may say in the file. */
export const accountKeys = Object.keys(entry.shape);

const fileShape = z.strictObject({
  accounts: z.array(entry, form('accounts')).min(1, form('noAccounts')),
});

/**
 * Reads the accounts of a file in YAML or JSON. Paths in it are relative to it; secrets are named, not written there.
 *
 * @param defaults what an account has that the file does not say
 */
export function readAccountsFile(
  file: string,
  { environment, defaults }: { environment: Environment; defaults: AccountDefaults },
): AccountsFileResult {
  const fail = (...problems: SettingsProblem[]): AccountsFileResult => ({
    ok: false,
    problems: problems.map((problem) => ({ ...problem, file })),
  });
  let content: unknown;
  try {
    // JSON is YAML as well.
    content = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return { ok: false, problems: [unreadable(`ACCOUNTS_FILE ${file}`, error)] };
  }
  const parsed = fileShape.safeParse(content);
  if (!parsed.success) {
    return fail(...parsed.error.issues.map(problemInFile));
  }
  const problems: SettingsProblem[] = [];
  const seen = new Set<string>();
  const accounts = parsed.data.accounts.map((one, index) => {
    const where = `accounts[${index}] (${one.appId})`;
    if (seen.has(one.appId)) problems.push({ code: 'accountTwice', where });
    seen.add(one.appId);
    const read = secretReader({ environment, directory: path.dirname(file), where, problems });
    return toAccount(one, read, { defaults, directory: path.dirname(file), where, problems });
  });
  return problems.length > 0 ? fail(...problems) : { ok: true, accounts };
}

const secretShapes = {
  appSecret,
  token,
  encodingAesKey,
  encodingAesKeyPrevious: encodingAesKey,
  repliesHttpSecret: webhookSecret,
  repliesHttpSecretPrevious: webhookSecret,
};

type ReadSecret = (name: keyof typeof secretShapes, of: Entry) => string | undefined;

/** Reads what a reference points to, and checks it; notes what is wrong, never the secret itself. */
function secretReader({
  environment,
  directory,
  where,
  problems,
}: {
  environment: Environment;
  directory: string;
  where: string;
  problems: SettingsProblem[];
}): ReadSecret {
  return (name, of) => {
    const reference = of[name];
    if (!reference) return undefined;
    let value: string | undefined;
    if ('env' in reference) {
      value = environment[reference.env] || undefined;
      if (value === undefined)
        problems.push({ code: 'noVariable', where: `${where}.${name}`, name: reference.env });
    } else {
      try {
        value = readFileSync(path.resolve(directory, reference.file), 'utf8').trim();
      } catch (error) {
        problems.push(unreadable(`${where}.${name}`, error));
      }
    }
    if (value === undefined) return undefined;
    const [issue] = secretShapes[name].safeParse(value).error?.issues ?? [];
    if (issue) problems.push(problemOf(issue, `${where}.${name}`));
    return value;
  };
}

function toAccount(
  one: Entry,
  read: ReadSecret,
  {
    defaults,
    directory,
    where,
    problems,
  }: { defaults: AccountDefaults; directory: string; where: string; problems: SettingsProblem[] },
): AccountConfig {
  const { windows } = defaults;
  const account: AccountConfig = {
    appId: one.appId,
    appSecret: read('appSecret', one) ?? '',
    token: read('token', one) ?? '',
    encodingAesKeys: currentAndPrevious(read('encodingAesKey', one), read('encodingAesKeyPrevious', one)),
    requireEncryption: one.requireEncryption ?? defaults.requireEncryption,
    componentAppId: one.componentAppId ?? defaults.componentAppId,
    cloudHosting: one.cloudHosting ?? defaults.cloudHosting,
    name: one.name ?? defaults.name,
    publicUrl: one.publicUrl ?? defaults.publicUrl,
    replies:
      one.replies === undefined
        ? defaults.replies
        : [one.replies].flat().map((entry) => beside(directory, entry)),
    httpReplySecrets:
      one.repliesHttpSecret === undefined
        ? defaults.httpReplySecrets
        : currentAndPrevious(read('repliesHttpSecret', one), read('repliesHttpSecretPrevious', one)),
    accessTokenMode: one.accessTokenMode ?? defaults.accessTokenMode,
    onUnknown: one.onUnknown ?? defaults.onUnknown,
    onOverflow: one.onOverflow ?? defaults.onOverflow,
    ordered: one.ordered ?? defaults.ordered,
    mergeWithinMs: one.mergeWithin === undefined ? defaults.mergeWithinMs : one.mergeWithin * 1_000,
    typingIndicator: one.typingIndicator ?? defaults.typingIndicator,
    sendRate: one.sendRate ?? defaults.sendRate,
    windows: {
      message: one.windows?.message ?? windows.message,
      menu: one.windows?.menu ?? windows.menu,
      subscribe: one.windows?.subscribe ?? windows.subscribe,
      scan: one.windows?.scan ?? windows.scan,
    },
    userLimits: one.userLimit === undefined ? defaults.userLimits : [one.userLimit].flat(),
    limitNotice: one.limitNotice ?? defaults.limitNotice,
    jsapiOrigins: one.jsapiOrigins ?? defaults.jsapiOrigins,
  };
  if (account.requireEncryption && account.encodingAesKeys.length === 0) {
    problems.push({ code: 'noKey', where: `${where}.encodingAesKey`, requiredBy: 'requireEncryption' });
  }
  if (isContradiction(account))
    problems.push({ code: 'unsignedAndEncrypted', where: `${where}.cloudHosting` });
  if (!account.publicUrl && account.replies.length === 0)
    problems.push({ code: 'noPublicUrlOfAccount', where });
  return account;
}

/** Paths are taken from where the file is; addresses, and what has a kind before its path (`model:…`), as they are. */
function beside(directory: string, entry: string): string {
  const [, kind = '', file = ''] = /^(https?:|[a-z]+:)?(.*)$/s.exec(entry) ?? [];
  return kind.startsWith('http') ? entry : kind + path.resolve(directory, file);
}

function problemInFile(issue: z.core.$ZodIssue): SettingsProblem {
  if (issue.path.length === 0 && issue.code === 'invalid_type') return { code: 'noAccountsList' };
  return problemOf(issue, pathOf(issue.path));
}

function unreadable(where: string, error: unknown): SettingsProblem {
  return { code: 'unreadable', where, cause: describeError(error) };
}

/** accounts[0].windows.message */
function pathOf(parts: readonly PropertyKey[]): string {
  return parts
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('');
}
