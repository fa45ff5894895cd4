import { type AccountConfig, apiOptions, type Config } from '../../config/settings.js';
import { createClient, type SendOutcome, type WeChatClient } from '../../wechat/out/client.js';
import { describeErrcode, errorReason, TokenError } from '../../wechat/out/errors.js';
import { duration } from '../terminal/format.js';
import { type Finding, skipped } from './finding.js';

const remedies: Readonly<Record<number, string>> = {
  40013: 'correct WECHAT_APP_ID',
  40125: 'correct WECHAT_APP_SECRET; a reset in the console makes the old one invalid',
  40164: 'add this machine’s IP to the allowlist in the console (basic configuration)',
};

/** Secret and allowlist, by asking for the token that is in force, and what the account may do with it. */
export async function checkAccount(account: AccountConfig, config: Config): Promise<Finding[]> {
  const { appId, accessTokenMode } = account;
  if (accessTokenMode === 'classic') return [skipped('token', `asking for one would end that of ${appId}`)];
  const client = createClient(apiOptions(config));
  try {
    const { value, expiresInSeconds } = await client.fetchToken(account, { forceRefresh: false });
    const found = `${appId} has one for ${duration(expiresInSeconds * 1_000)}`;
    return [{ level: 'ok', what: 'token', found }, await checkSending(client, appId, value)];
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    const reason = error.errcode === undefined ? undefined : errorReason(error.errcode);
    return [
      {
        level: 'fail',
        what: 'token',
        found: `${appId}: ${error.message}${reason ? ` (${reason})` : ''}`,
        todo: remedies[error.errcode ?? 0] ?? 'try again in a minute',
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
): Promise<Finding> {
  const outcome = await client.sendMessage(token, nobody, { msgtype: 'text', text: { content: 'doctor' } });
  return { what: 'sending', ...judge(appId, outcome) };
}

function judge(appId: string, outcome: SendOutcome): Omit<Finding, 'what'> {
  const allowed = { level: 'ok', found: `${appId} may send customer-service messages` } as const;
  if (outcome.kind === 'sent') return allowed;
  if (outcome.kind !== 'refused') {
    const found = `${appId}: the API did not tell: ${outcome.errmsg}`;
    return { level: 'warn', found, todo: 'try again in a minute' };
  }
  const { errcode, errmsg } = outcome;
  const known = describeErrcode(errcode);
  // It got as far as to the message or its user.
  if (known?.scope === 'user' || known?.scope === 'message') return allowed;
  if (errcode === 48001)
    return {
      level: 'fail',
      found: `${appId}: unverified account: the customer-service API is not open to it (48001 ${errmsg})`,
      todo: 'have it verified (认证) in the console, or try the sandbox account, which has the API',
    };
  return {
    level: known?.class === 'account' ? 'fail' : 'warn',
    found: `${appId}: ${errcode} ${errmsg}${known ? ` (${known.reason})` : ''}`,
    todo: known?.remedy ?? 'try again in a minute',
  };
}
