import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import * as shapes from '../../config/account.js';
import { form } from '../../config/forms.js';
import { userName } from '../../console/server/sign-in/users.js';
import { problemOfDatabaseUrl } from '../../db/database-url.js';
import type { Environment } from '../terminal/context.js';
import type { Words } from '../words/index.js';
import type { Choice, Interview } from './interview.js';

export const kinds = ['sandbox', 'verified'] as const;
export const modes = ['secure', 'compatible', 'plaintext'] as const;
export const databases = ['embedded', 'compose', 'url'] as const;
export const replyKinds = ['rules', 'code', 'http', 'model'] as const;
export const layouts = ['env', 'yaml', 'json'] as const;
export const secretPlaces = ['file', 'environment'] as const;

type OneOf<T extends readonly string[]> = T[number];

/** What may be said beforehand. Secrets are none of it: they come from the environment, or are asked for. */
export interface InitFlags {
  kind?: OneOf<typeof kinds>;
  appId?: string;
  mode?: OneOf<typeof modes>;
  publicUrl?: string;
  accounts?: OneOf<typeof layouts>;
  secret?: OneOf<typeof secretPlaces>;
  database?: OneOf<typeof databases>;
  replies?: OneOf<typeof replyKinds>;
  repliesUrl?: string;
  consoleUser?: string;
}

/** All that the files are made of. An empty text is what is to be filled in later, or is not wanted. */
export interface Answers {
  kind: OneOf<typeof kinds>;
  appId: string;
  appSecret: string;
  token: string;
  mode: OneOf<typeof modes>;
  encodingAesKey: string;
  publicUrl: string;
  layout: OneOf<typeof layouts>;
  /** `environment`: the AppSecret, and the key of a model, are not written down. */
  secret: OneOf<typeof secretPlaces>;
  database: OneOf<typeof databases>;
  databaseUrl: string;
  replies: OneOf<typeof replyKinds>;
  /** Of the back end, or the model's server. */
  repliesUrl: string;
  modelKey: string;
  consoleUser: string;
}

const databaseUrl = z.string().refine((url) => problemOfDatabaseUrl(url) === undefined, form('databaseUrl'));

/** Letters and digits alone, as WeChat's console takes them. */
export const newToken = () => randomBytes(16).toString('hex');

/** 43 letters and digits: a key of 32 bytes. */
export function newEncodingAesKey(): string {
  for (;;) {
    const key = randomBytes(32).toString('base64').slice(0, 43);
    if (/^[A-Za-z0-9]+$/.test(key)) return key;
  }
}

interface Asking {
  interview: Interview;
  flags: InitFlags;
  words: Words['init'];
  /** Of the environment; undefined where it is empty. */
  known(name: string): string | undefined;
}

/** Asks for all that neither the flags nor the environment say, in an order in which people have it at hand. */
export async function gatherAnswers(
  interview: Interview,
  { flags, environment, words }: { flags: InitFlags; environment: Environment; words: Words },
): Promise<Answers> {
  const known = (name: string) => environment[name] || undefined;
  const asking = { interview, flags, words: words.init, known };
  const { questions, choices } = words.init;
  const account = await askAccount(asking);
  const protection = await askProtection(asking, account.kind);
  const publicUrl = await interview.write({
    ...{ question: questions.publicUrl, flag: '--public-url', shape: shapes.webUrl },
    ...{ given: flags.publicUrl ?? known('PUBLIC_URL'), fallback: '' },
  });
  const database = await askDatabase(asking);
  const replies = await askReplies(asking, account.secret);
  const layout = await interview.choose({
    ...{ question: questions.layout, flag: '--accounts', given: flags.accounts, fallback: 'env' as const },
    choices: labelled(layouts, choices.layout),
  });
  const consoleUser = await interview.write({
    ...{ question: questions.consoleUser, flag: '--console-user', shape: userName },
    ...{ given: flags.consoleUser, fallback: '' },
  });
  return { ...account, ...protection, publicUrl, ...database, ...replies, layout, consoleUser };
}

const labelled = <T extends string>(values: readonly T[], labels: Readonly<Record<T, string>>): Choice<T>[] =>
  values.map((value) => ({ value, label: labels[value] }));

async function askAccount({ interview, flags, words: { questions, choices }, known }: Asking) {
  const kind = await interview.choose({
    ...{ question: questions.kind, flag: '--kind', given: flags.kind, fallback: 'sandbox' as const },
    choices: labelled(kinds, choices.kind),
  });
  const appId = await interview.write({
    ...{ question: questions.appId, flag: '--app-id', shape: shapes.appId },
    ...{ given: flags.appId ?? known('WECHAT_APP_ID'), fallback: undefined },
  });
  const secret = await interview.choose({
    ...{ question: questions.secret, flag: '--secret', given: flags.secret, fallback: 'file' as const },
    choices: labelled(secretPlaces, choices.secret),
  });
  const appSecret =
    secret === 'environment'
      ? ''
      : await interview.write({
          ...{ question: questions.appSecret, flag: 'WECHAT_APP_SECRET', shape: z.string(), hidden: true },
          ...{ given: known('WECHAT_APP_SECRET'), fallback: '' },
        });
  return { kind, appId, secret, appSecret };
}

/** The page of the sandbox account knows no EncodingAESKey. */
async function askProtection(
  { interview, flags, words: { questions, choices }, known }: Asking,
  kind: Answers['kind'],
) {
  const token = await interview.write({
    ...{ question: questions.token, flag: 'WECHAT_TOKEN', shape: shapes.token },
    ...{ given: known('WECHAT_TOKEN'), fallback: newToken() },
  });
  const mode = await interview.choose({
    ...{ question: questions.mode, flag: '--mode', fallback: 'secure' as const },
    given: flags.mode ?? (kind === 'sandbox' ? 'plaintext' : undefined),
    choices: labelled(modes, choices.mode),
  });
  if (mode === 'plaintext') return { token, mode, encodingAesKey: '' };
  const encodingAesKey = await interview.write({
    ...{ question: questions.encodingAesKey, flag: 'WECHAT_ENCODING_AES_KEY', shape: shapes.encodingAesKey },
    ...{ given: known('WECHAT_ENCODING_AES_KEY'), fallback: newEncodingAesKey() },
  });
  return { token, mode, encodingAesKey };
}

async function askDatabase({ interview, flags, words: { questions, choices }, known }: Asking) {
  const database = await interview.choose({
    ...{ question: questions.database, flag: '--database', fallback: 'embedded' as const },
    ...{ given: flags.database, choices: labelled(databases, choices.database) },
  });
  if (database !== 'url') return { database, databaseUrl: '' };
  const url = await interview.write({
    ...{ question: questions.databaseUrl, flag: 'DATABASE_URL', shape: databaseUrl, hidden: true },
    ...{ given: known('DATABASE_URL'), fallback: undefined },
  });
  return { database, databaseUrl: url };
}

async function askReplies(
  { interview, flags, words: { questions, choices }, known }: Asking,
  secret: Answers['secret'],
) {
  const replies = await interview.choose({
    ...{ question: questions.replies, flag: '--replies', given: flags.replies, fallback: 'rules' as const },
    choices: labelled(replyKinds, choices.replies),
  });
  if (replies !== 'http' && replies !== 'model') return { replies, repliesUrl: '', modelKey: '' };
  const repliesUrl = await interview.write({
    ...{ question: questions.repliesUrl[replies], flag: '--replies-url', shape: shapes.webUrl },
    ...{ given: flags.repliesUrl, fallback: replies === 'model' ? modelServer : undefined },
  });
  if (replies === 'http' || secret === 'environment') return { replies, repliesUrl, modelKey: '' };
  const modelKey = await interview.write({
    ...{ question: questions.modelKey, flag: 'MODEL_API_KEY', shape: z.string(), hidden: true },
    ...{ given: known('MODEL_API_KEY'), fallback: '' },
  });
  return { replies, repliesUrl, modelKey };
}

const modelServer = 'https://api.deepseek.com/v1';
