import { type AccountConfig, apiOptions, type Config } from '../../config/settings.js';
import { createClient, type SendOutcome, type WeChatClient } from '../../wechat/out/client.js';
import { describeErrcode, errorReason, TokenError } from '../../wechat/out/errors.js';
import type { Words } from '../words/index.js';
import { type Finding, skipped } from './finding.js';

/** Secret and allowlist, by asking for the token that is in force, and what the account may do with it. */
export async function checkAccount(account: AccountConfig, config: Config, words: Words): Promise<Finding[]> {
  const { account: say, tryAgain } = words.doctor;
  const remedies: Readonly<Record<number, string>> = say.remedies;
  const { appId, accessTokenMode } = account;
  if (accessTokenMode === 'classic') return [skipped('token', say.wouldEndToken(appId), words)];
  const client = createClient(apiOptions(config));
  try {
    const { value, expiresInSeconds } = await client.fetchToken(account, { forceRefresh: false });
    const found = say.hasToken(appId, words.terminal.duration(expiresInSeconds * 1_000));
    return [{ level: 'ok', what: 'token', found }, await checkSending(client, appId, value, words)];
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    const reason = error.errcode === undefined ? undefined : errorReason(error.errcode, words.language);
    return [
      {
        level: 'fail',
        what: 'token',
        found: say.noToken(appId, `${error.errcode ?? say.noResponse} ${error.errmsg}`, reason),
        todo: remedies[error.errcode ?? 0] ?? tryAgain,
      },
    ];
  } finally {
    await client.destroy();
  }
}

/** In no form that an openid has: whatever WeChat says about it, nobody gets a message. */
const nobody = 'nobody';

/** The permission, by a message to nobody: WeChat looks at the permission first, and then says that there is no such user. */
async function checkSending(
  client: Pick<WeChatClient, 'sendMessage'>,
  appId: string,
  token: string,
  words: Words,
): Promise<Finding> {
  const outcome = await client.sendMessage(token, nobody, { msgtype: 'text', text: { content: 'doctor' } });
  return { what: 'sending', ...judge(appId, outcome, words) };
}

function judge(
  appId: string,
  outcome: SendOutcome,
  { doctor: { account: say, tryAgain }, language }: Words,
): Omit<Finding, 'what'> {
  const allowed = { level: 'ok', found: say.maySend(appId) } as const;
  if (outcome.kind === 'sent') return allowed;
  if (outcome.kind !== 'refused') {
    const found = say.notTold(appId, outcome.errmsg);
    return { level: 'warn', found, todo: tryAgain };
  }
  const { errcode, errmsg } = outcome;
  const known = describeErrcode(errcode, language);
  // It got as far as to the message or its user.
  if (known?.scope === 'user' || known?.scope === 'message') return allowed;
  if (errcode === 48001)
    return {
      level: 'fail',
      found: say.unverified(appId, `${errcode} ${errmsg}`),
      todo: say.verify,
    };
  return {
    level: known?.class === 'account' ? 'fail' : 'warn',
    found: say.refused(appId, `${errcode} ${errmsg}`, known?.reason),
    todo: known?.remedy ?? tryAgain,
  };
}
