import type { AccountConfig } from '../../../config/account.js';
import type { QuotaOutcome } from '../../../wechat/out/client.js';
import { TokenError } from '../../../wechat/out/errors.js';
import type { QuotaView } from '../../contract/overview.js';
import type { OverviewDependencies } from './dependencies.js';

/**
 * How many sends WeChat allows the account today. A token that it refuses is had anew, once.
 *
 * @throws TokenError where it does not say
 */
export async function readQuota(
  { clientOf, tokens }: Pick<OverviewDependencies, 'clientOf' | 'tokens'>,
  account: AccountConfig,
): Promise<QuotaView> {
  const client = clientOf(account.appId);
  const token = await tokens.get(account);
  let outcome: QuotaOutcome = await client.fetchQuota(token);
  if (outcome.kind === 'refused' && outcome.errorClass === 'token')
    outcome = await client.fetchQuota(await tokens.replace(account, token));
  if (outcome.kind === 'told') return outcome.quota;
  const errcode = outcome.kind === 'refused' ? outcome.errcode : undefined;
  throw new TokenError('transient', errcode, outcome.errmsg);
}
