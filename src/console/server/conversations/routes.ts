import Router from '@koa/router';
import type Koa from 'koa';
import { z } from 'zod';
import type { AccessTokens } from '../../../accounts/access-token.js';
import { createInboundMedia } from '../../../accounts/inbound-media.js';
import { createMediaUploads } from '../../../accounts/media-uploads.js';
import { createKysely } from '../../../db/kysely.js';
import type { Pool } from '../../../db/pool.js';
import { say } from '../../../lib/language.js';
import type { Web } from '../../../lib/web.js';
import type { Logger } from '../../../observe/log.js';
import type { SendClients } from '../../../sending/clients.js';
import { createUploader } from '../../../sending/media-upload.js';
import type { AppCredentials } from '../../../wechat/out/client.js';
import type { Right } from '../../contract/rights.js';
import { readConversation } from './conversation.js';
import { giveBack, markRead, readShape, take, takeShape, transfer, transferShape } from './holding.js';
import { listConversations } from './list.js';
import { serveMedia } from './media.js';
import { createMediaCache } from './media-cache.js';
import { createMediaFetch } from './media-fetch.js';
import { answerRefusals, languageOf, noConversation, Refusal } from './refusal.js';
import { addressOf, checked, id, line, readForm, readJson, readQuery, userOf } from './request.js';
import {
  addSavedAnswer,
  changeSavedAnswer,
  dropSavedAnswer,
  listSavedAnswers,
  savedAnswerShape,
} from './saved-answers.js';
import {
  maxPictureBytes,
  pictureShape,
  type SendDependencies,
  sendPicture,
  sendText,
  textShape,
} from './send.js';

export interface ConversationRoutesDependencies {
  /** With short limits: a page that takes long hurts those who work. */
  pool: Pool;
  accounts: readonly AppCredentials[];
  clients: { others: SendClients['others'] };
  tokens: AccessTokens;
  web: Web;
  /** The setting HANDOVER_IDLE_MINUTES; 0: never. */
  handoverIdleMinutes: number;
  requires(right: Right): Koa.Middleware;
  clock: () => Date;
  log: Logger;
  /** Of all files of users that are kept; a test has less. */
  mediaTotalBytes?: number;
}

const listShape = {
  state: z.enum(['waiting', 'taken', 'bot', 'quiet']).optional(),
  account: line(64).min(1).optional(),
  q: line(128).min(1).optional(),
  mine: z.enum(['0', '1']).optional(),
  unread: z.enum(['0', '1']).optional(),
  before: id.optional(),
  limit: limit(50, 200),
};

/** Conversations, and agents who answer in them. Paths are relative to the API. */
export function createConversationRoutes(dependencies: ConversationRoutesDependencies): Router {
  const router = new Router();
  router.use(answerRefusals(dependencies.log));
  addReading(router, dependencies);
  addHolding(router, dependencies);
  addSending(router, dependencies);
  addSavedAnswers(router, dependencies);
  return router;
}

function addReading(router: Router, dependencies: ConversationRoutesDependencies): void {
  const { pool, requires, handoverIdleMinutes } = dependencies;

  router.get('/conversations', requires('read'), async (ctx) => {
    const { state, account, q, mine, unread, before, limit } = readQuery(ctx, listShape);
    const agent = mine === '1' ? userOf(ctx).name : undefined;
    ctx.body = await listConversations(pool, {
      ...{ state, account, q, agent, unread: unread === '1', before, limit },
    });
  });

  router.get('/conversations/:account/:openid', requires('read'), async (ctx) => {
    const { before, limit: most } = readQuery(ctx, { before: id.optional(), limit: limit(40, 100) });
    const language = languageOf(ctx);
    const options = { before, limit: most, handoverIdleMinutes, language };
    const found = await readConversation(pool, addressOf(ctx), options);
    if (!found) throw noConversation();
    ctx.body = found;
  });
}

function addHolding(router: Router, dependencies: ConversationRoutesDependencies): void {
  const { pool, requires } = dependencies;
  const path = '/conversations/:account/:openid';

  router.post(`${path}/take`, requires('chat'), async (ctx) => {
    const request = await readJson(ctx, takeShape);
    ctx.body = await take(pool, addressOf(ctx), userOf(ctx).name, request);
  });

  router.post(`${path}/return`, requires('chat'), async (ctx) => {
    ctx.body = await giveBack(pool, addressOf(ctx), userOf(ctx).name);
  });

  router.post(`${path}/transfer`, requires('chat'), async (ctx) => {
    const { kfAccount } = await readJson(ctx, transferShape);
    const address = addressOf(ctx);
    const account = accountOf(dependencies, address.appId);
    ctx.body = await transfer(dependencies, account, address, userOf(ctx).name, kfAccount);
  });

  router.post(`${path}/read`, requires('chat'), async (ctx) => {
    await markRead(pool, addressOf(ctx), await readJson(ctx, readShape));
    ctx.status = 204;
  });
}

/** Text, pictures, and the files of both directions. */
function addSending(router: Router, dependencies: ConversationRoutesDependencies): void {
  const { pool, clients, tokens, web, accounts, clock, log, requires, mediaTotalBytes } = dependencies;
  const cache = createMediaCache(pool, mediaTotalBytes === undefined ? {} : { totalBytes: mediaTotalBytes });
  const uploads = createMediaUploads(createKysely(pool));
  const uploader = createUploader({ clients, uploads, clock });
  const sending: SendDependencies = { pool, tokens, uploads, uploader, cache };
  const open = createInboundMedia({ clientOf: clients.others, tokens, web });
  const fetch = createMediaFetch({ cache, open, accounts, log });

  router.post('/conversations/:account/:openid/send', requires('chat'), async (ctx) => {
    const address = addressOf(ctx);
    const account = accountOf(dependencies, address.appId);
    const agent = userOf(ctx).name;
    if (!ctx.is('multipart/form-data')) {
      const { text, key } = await readJson(ctx, textShape);
      ctx.body = await sendText(sending, { ...address, agent, key }, text);
      return;
    }
    const { fields, file } = await readForm(ctx, maxPictureBytes);
    const { key } = checked(pictureShape, fields);
    if (!file) throw new Refusal(400, 'empty', say('There is no file', '没有文件'));
    ctx.body = await sendPicture(sending, account, { ...address, agent, key }, file);
  });

  router.get('/media/:key', requires('read'), (ctx) => serveMedia(ctx, ctx.params.key, { fetch, cache }));
}

function addSavedAnswers(router: Router, dependencies: ConversationRoutesDependencies): void {
  const { pool, requires } = dependencies;
  const idOf = (ctx: Koa.Context & { params: unknown }) => checked(z.object({ id }), ctx.params).id;

  router.get('/saved-answers', requires('chat'), async (ctx) => {
    const { account } = readQuery(ctx, { account: line(64).min(1).optional() });
    ctx.body = await listSavedAnswers(pool, account);
  });

  router.post('/saved-answers', requires('chat'), async (ctx) => {
    const answer = await readJson(ctx, savedAnswerShape);
    if (answer.account !== null) accountOf(dependencies, answer.account);
    ctx.body = await addSavedAnswer(pool, userOf(ctx).name, answer);
    ctx.status = 201;
  });

  router.put('/saved-answers/:id', requires('chat'), async (ctx) => {
    const answer = await readJson(ctx, savedAnswerShape);
    if (answer.account !== null) accountOf(dependencies, answer.account);
    ctx.body = await changeSavedAnswer(pool, userOf(ctx).name, idOf(ctx), answer);
  });

  router.delete('/saved-answers/:id', requires('chat'), async (ctx) => {
    await dropSavedAnswer(pool, userOf(ctx).name, idOf(ctx));
    ctx.status = 204;
  });
}

function accountOf({ accounts }: ConversationRoutesDependencies, appId: string): AppCredentials {
  const account = accounts.find((one) => one.appId === appId);
  if (account) return account;
  throw new Refusal(
    404,
    'no_account',
    say(`The account ${appId} is not among the settings`, `设置中没有账号 ${appId}`),
  );
}

function limit(usual: number, most: number) {
  return z
    .string()
    .regex(/^\d{1,4}$/)
    .transform(Number)
    .refine((value) => value >= 1 && value <= most)
    .default(usual);
}
