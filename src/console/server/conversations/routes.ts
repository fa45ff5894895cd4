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
import { readForm } from '../http/form.js';
import * as input from '../http/input.js';
import { languageOfRequest } from '../http/language.js';
import { personOf, type Requires } from '../http/person.js';
import { noAccount, Refusal } from '../http/refusal.js';
import { addressOf } from './address.js';
import { readConversation } from './conversation.js';
import { giveBack, markRead, readShape, take, takeShape, transfer, transferShape } from './holding.js';
import { listConversations } from './list.js';
import { serveMedia } from './media.js';
import { createMediaCache } from './media-cache.js';
import { createMediaFetch } from './media-fetch.js';
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
import { createToWav } from './voice.js';

export interface ConversationRoutesDependencies {
  /** With short limits: a page that takes long hurts those who work. */
  pool: Pool;
  accounts: readonly AppCredentials[];
  clients: { others: SendClients['others'] };
  tokens: AccessTokens;
  web: Web;
  /** The setting HANDOVER_IDLE_MINUTES; 0: never. */
  handoverIdleMinutes: number;
  requires: Requires;
  clock: () => Date;
  log: Logger;
  /** Of all files of users that are kept; a test has less. */
  mediaTotalBytes?: number;
}

const listShape = {
  state: z.enum(['waiting', 'taken', 'bot', 'quiet']).optional(),
  account: input.text(64).min(1).optional(),
  q: input.text(128).min(1).optional(),
  mine: z.enum(['0', '1']).optional(),
  unread: z.enum(['0', '1']).optional(),
  before: input.id.optional(),
  limit: input.limit(50),
};

/** Conversations, and agents who answer in them. Paths are relative to the API. */
export function createConversationRoutes(dependencies: ConversationRoutesDependencies): Router {
  const router = new Router();
  addReading(router, dependencies);
  addHolding(router, dependencies);
  addSending(router, dependencies);
  addSavedAnswers(router, dependencies);
  return router;
}

function addReading(router: Router, dependencies: ConversationRoutesDependencies): void {
  const { pool, requires, handoverIdleMinutes } = dependencies;

  router.get('/conversations', requires('read'), async (ctx) => {
    const { state, account, q, mine, unread, before, limit } = input.readQuery(ctx, listShape);
    const agent = mine === '1' ? personOf(ctx).name : undefined;
    ctx.body = await listConversations(pool, {
      ...{ state, account, q, agent, unread: unread === '1', before, limit },
    });
  });

  router.get('/conversations/:account/:openid', requires('read'), async (ctx) => {
    const { before, limit: most } = input.readQuery(ctx, {
      before: input.id.optional(),
      limit: input.limit(40, 100),
    });
    const language = languageOfRequest(ctx);
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
    const request = input.readBody(ctx, takeShape);
    ctx.body = await take(pool, addressOf(ctx), personOf(ctx).name, request);
  });

  router.post(`${path}/return`, requires('chat'), async (ctx) => {
    ctx.body = await giveBack(pool, addressOf(ctx), personOf(ctx).name);
  });

  router.post(`${path}/transfer`, requires('chat'), async (ctx) => {
    const { kfAccount } = input.readBody(ctx, transferShape);
    const address = addressOf(ctx);
    const account = accountOf(dependencies, address.appId);
    ctx.body = await transfer(dependencies, account, address, personOf(ctx).name, kfAccount);
  });

  router.post(`${path}/read`, requires('chat'), async (ctx) => {
    await markRead(pool, addressOf(ctx), input.readBody(ctx, readShape));
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
  const fetch = createMediaFetch({ cache, open, toWav: createToWav(), accounts, log });

  router.post('/conversations/:account/:openid/send', requires('chat'), async (ctx) => {
    const address = addressOf(ctx);
    const account = accountOf(dependencies, address.appId);
    const agent = personOf(ctx).name;
    if (!ctx.is('multipart/form-data')) {
      const { text, key } = input.readBody(ctx, textShape);
      ctx.body = await sendText(sending, { ...address, agent, key }, text);
      return;
    }
    const { fields, file } = await readForm(ctx, maxPictureBytes);
    const { key } = input.check(pictureShape, fields);
    if (!file) throw new Refusal(400, 'empty', say('There is no file', '没有文件'));
    ctx.body = await sendPicture(sending, account, { ...address, agent, key }, file);
  });

  router.get('/media/:key', requires('read'), (ctx) => serveMedia(ctx, ctx.params.key, { fetch, cache }));
}

function addSavedAnswers(router: Router, dependencies: ConversationRoutesDependencies): void {
  const { pool, requires } = dependencies;
  const idOf = (ctx: Koa.Context & { params: unknown }) =>
    input.check(z.object({ id: input.id }), ctx.params).id;

  router.get('/saved-answers', requires('chat'), async (ctx) => {
    const { account } = input.readQuery(ctx, { account: input.text(64).min(1).optional() });
    ctx.body = await listSavedAnswers(pool, account);
  });

  router.post('/saved-answers', requires('chat'), async (ctx) => {
    const answer = input.readBody(ctx, savedAnswerShape);
    if (answer.account !== null) accountOf(dependencies, answer.account);
    ctx.body = await addSavedAnswer(pool, personOf(ctx).name, answer);
    ctx.status = 201;
  });

  router.put('/saved-answers/:id', requires('chat'), async (ctx) => {
    const answer = input.readBody(ctx, savedAnswerShape);
    if (answer.account !== null) accountOf(dependencies, answer.account);
    ctx.body = await changeSavedAnswer(pool, personOf(ctx).name, idOf(ctx), answer);
  });

  router.delete('/saved-answers/:id', requires('chat'), async (ctx) => {
    await dropSavedAnswer(pool, personOf(ctx).name, idOf(ctx));
    ctx.status = 204;
  });
}

function accountOf({ accounts }: ConversationRoutesDependencies, appId: string): AppCredentials {
  const account = accounts.find((one) => one.appId === appId);
  if (account) return account;
  throw noAccount(appId);
}

const noConversation = () =>
  new Refusal(
    404,
    'no_conversation',
    say('This user never wrote to the account', '该用户没有给此账号发过消息'),
  );
