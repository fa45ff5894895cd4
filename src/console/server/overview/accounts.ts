import type Router from '@koa/router';
import type Koa from 'koa';
import { z } from 'zod';
import type { AccountConfig } from '../../../config/account.js';
import type { Pool } from '../../../db/pool.js';
import { say } from '../../../lib/language.js';
import { TokenError } from '../../../wechat/out/errors.js';
import type { AccountCheck, AccountView, QuotaView } from '../../contract/overview.js';
import { readBody, readQuery } from '../http/input.js';
import { languageOfRequest } from '../http/language.js';
import { personOf } from '../http/person.js';
import { noAccount, Refusal } from '../http/refusal.js';
import { asPerson } from '../http/transaction.js';
import type { OverviewDependencies } from './dependencies.js';
import { inLanguage, readPauses } from './pauses.js';
import { readQuota } from './quota.js';

const pauseRequest = z.strictObject({ reason: z.string().trim().max(500).optional() });

export function addAccounts(router: Router, dependencies: OverviewDependencies): void {
  const { pool, requires, accounts, checkAccount } = dependencies;

  function accountOf(ctx: Koa.Context & { params: { appId?: string } }): AccountConfig {
    readQuery(ctx, {});
    const { appId = '' } = ctx.params;
    const account = accounts.find((one) => one.appId === appId);
    if (!account) throw noAccount(appId);
    return account;
  }

  router.get('/accounts', requires('read'), async (ctx) => {
    readQuery(ctx, {});
    const [pauses, tokens, seen] = [await readPauses(pool), await readTokens(pool), await readSeen(pool)];
    ctx.body = accounts.map((account) => {
      const pause = pauses.find((one) => one.account === account.appId);
      return {
        ...describeAccount(account),
        token: tokens.get(account.appId) ?? null,
        pause: pause ? inLanguage(pause, languageOfRequest(ctx)) : null,
        lastPushAt: seen.get(account.appId)?.push?.toISOString() ?? null,
        lastSentAt: seen.get(account.appId)?.sent?.toISOString() ?? null,
      };
    }) satisfies AccountView[];
  });

  router.post('/accounts/:appId/check', requires('operate'), async (ctx) => {
    const account = accountOf(ctx);
    ctx.body = {
      findings: await checkAccount(account, languageOfRequest(ctx)),
    } satisfies AccountCheck;
  });

  router.get('/accounts/:appId/quota', requires('operate'), async (ctx) => {
    const account = accountOf(ctx);
    try {
      ctx.body = (await readQuota(dependencies, account)) satisfies QuotaView;
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      const { message } = error;
      throw new Refusal(
        502,
        'no_quota',
        say(`WeChat did not say how much is left: ${message}`, `没有从微信查到剩余额度：${message}`),
      );
    }
  });

  router.post('/accounts/:appId/pause', requires('operate'), async (ctx) => {
    const { appId } = accountOf(ctx);
    const { reason } = readBody(ctx, pauseRequest);
    await asPerson(pool, personOf(ctx).name, (client) =>
      client.query('select wechat.pause($1, $2)', [appId, reason?.replaceAll('\0', '') || null]),
    );
    ctx.body = { paused: true };
  });

  router.post('/accounts/:appId/resume', requires('operate'), async (ctx) => {
    const { appId } = accountOf(ctx);
    const { rows } = await asPerson(pool, personOf(ctx).name, (client) =>
      client.query<{ resumed: boolean }>('select wechat.resume($1) as resumed', [appId]),
    );
    ctx.body = { paused: false, wasPaused: rows[0]?.resumed ?? false };
  });
}

/** What is named here is shown, and nothing else: a setting that is added may be a secret. */
export function describeAccount(
  account: AccountConfig,
): Pick<AccountView, 'appId' | 'name' | 'settings' | 'webhookPath'> {
  const { windows } = account;
  const settings: Readonly<Record<string, string | number | boolean | undefined>> = {
    ENCRYPTION: account.encodingAesKeys.length > 0 ? 'secure' : 'plaintext',
    WECHAT_REQUIRE_ENCRYPTION: account.requireEncryption,
    WECHAT_COMPONENT_APP_ID: account.componentAppId,
    WECHAT_CLOUD_HOSTING: account.cloudHosting,
    PUBLIC_URL: account.publicUrl,
    REPLIES: account.replies.join(', '),
    ACCESS_TOKEN_MODE: account.accessTokenMode,
    ON_UNKNOWN: account.onUnknown,
    ON_OVERFLOW: account.onOverflow,
    ORDERED: account.ordered,
    MERGE_WITHIN: account.mergeWithinMs / 1_000,
    TYPING_INDICATOR: account.typingIndicator,
    SEND_RATE: account.sendRate,
    USER_LIMIT:
      account.userLimits.map(({ quota, seconds }) => `${quota}/${seconds}s`).join(', ') || undefined,
    ...Object.fromEntries(
      Object.entries(windows).map(([name, { quota, seconds }]) => [
        `WINDOW_${name.toUpperCase()}`,
        `${quota}/${seconds}s`,
      ]),
    ),
    JSAPI_ORIGINS: account.jsapiOrigins.join(', ') || undefined,
  };
  return {
    appId: account.appId,
    name: account.name || null,
    settings: Object.entries(settings).flatMap(([name, value]) =>
      value === undefined ? [] : [{ name, value: String(value) }],
    ),
    webhookPath: `/wechat/${account.appId}`,
  };
}

async function readTokens(pool: Pool): Promise<ReadonlyMap<string, NonNullable<AccountView['token']>>> {
  const { rows } = await pool.query<{ app_id: string; refreshed_at: Date; expires_at: Date }>(
    `select app_id, refreshed_at, expires_at from wechat.credential where kind = 'access_token' and version > 0`,
  );
  return new Map(
    rows.map(({ app_id, refreshed_at, expires_at }) => [
      app_id,
      { refreshedAt: refreshed_at.toISOString(), expiresAt: expires_at.toISOString() },
    ]),
  );
}

/** Among the last of all accounts: there is no index by account and time, and what is older is not of late. */
const lookedAt = 5_000;

async function readSeen(pool: Pool): Promise<ReadonlyMap<string, { push: Date | null; sent: Date | null }>> {
  const { rows } = await pool.query<{ app_id: string; push: Date | null; sent: Date | null }>(
    `select app_id, max(push) as push, max(sent) as sent
     from (
       (select app_id, received_at as push, null::timestamptz as sent
        from wechat.inbound_message order by id desc limit ${lookedAt})
       union all
       (select app_id, null, sent_at from wechat.delivery order by id desc limit ${lookedAt})
     ) seen
     group by 1`,
  );
  return new Map(rows.map(({ app_id, ...times }) => [app_id, times]));
}
