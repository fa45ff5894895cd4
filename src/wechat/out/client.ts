import { FormData } from 'undici';
import { classifyErrcode, TokenError } from './errors.js';
import { type CallOptions, createHttp, type HttpOptions, type WeChatHttp } from './http.js';
import type {
  ApiOutcome,
  DownloadOutcome,
  FetchedToken,
  NoResponse,
  QuotaOutcome,
  Refusal,
  SendOutcome,
  SendQuota,
  SessionOutcome,
  TicketOutcome,
  UploadOutcome,
} from './outcome.js';
import { encodePayload, type MediaType, type WirePayload } from './reply.js';
import { type Call, errcodeOf } from './response.js';

export type * from './outcome.js';

/** What an access token is had for. */
export interface AppCredentials {
  appId: string;
  appSecret: string;
  /** Which API hands it out: `stable`, or `classic`, where each call ends the token before. */
  accessTokenMode: 'stable' | 'classic';
}

export interface Upload {
  type: MediaType;
  filename: string;
  contentType: string;
  content: Uint8Array;
}

/** A call of any API. */
export interface ApiRequest {
  method: 'GET' | 'POST';
  /** With its query, without the token. */
  path: string;
  /** JSON. */
  body: string | undefined;
}

/** WeChat's API, as far as we call it. Knows no database and keeps no token. */
export interface WeChatClient {
  /** With `mayWrite`, the outcome may be one that is `unwritten`: see CallOptions. */
  sendMessage(
    accessToken: string,
    openid: string,
    payload: WirePayload,
    options?: CallOptions,
  ): Promise<SendOutcome>;
  /** Shows the user that an answer is being typed, for some 15 s, or no longer. @returns an errcode, 0 for success */
  setTyping(
    accessToken: string,
    openid: string,
    command: 'Typing' | 'CancelTyping',
  ): Promise<number | undefined>;
  /**
   * Gives the user to an agent of Tencent's own customer service. The agent must be bound to a WeChat user and online: 65400,
   * 65401, 65402 and 65415 tell what is missing, 65414 that another agent has the user.
   */
  createSession(accessToken: string, openid: string, kfAccount: string): Promise<SessionOutcome>;
  /** @throws TokenError */
  fetchToken(account: AppCredentials, options: { forceRefresh: boolean }): Promise<FetchedToken>;
  fetchQuota(accessToken: string): Promise<QuotaOutcome>;
  fetchJsapiTicket(accessToken: string): Promise<TicketOutcome>;
  uploadMedia(accessToken: string, upload: Upload): Promise<UploadOutcome>;
  downloadMedia(accessToken: string, mediaId: string, signal?: AbortSignal): Promise<DownloadOutcome>;
  /** Any API that responds in JSON. */
  call(accessToken: string, request: ApiRequest, signal?: AbortSignal): Promise<ApiOutcome>;
  /** Breaks off what is under way. */
  destroy(): Promise<void>;
}

const ofSends = JSON.stringify({ cgi_path: '/cgi-bin/message/custom/send' });

export function createClient(options: HttpOptions): WeChatClient {
  const http = createHttp(options);
  return {
    async sendMessage(accessToken, openid, payload, options) {
      const body = encodePayload({ touser: openid, ...payload });
      const call = await http.post(endpoint(accessToken, 'message/custom/send'), body, options);
      if (call.kind !== 'responded') return call;
      const { httpStatus, response } = call;
      return readRefusal(call) ?? { kind: 'sent', httpStatus, errmsg: response.errmsg };
    },

    async setTyping(accessToken, openid, command) {
      const body = JSON.stringify({ touser: openid, command });
      const call = await http.post(endpoint(accessToken, 'message/custom/typing'), body);
      return call.kind === 'responded' ? (call.response.errcode ?? 0) : undefined;
    },

    async createSession(accessToken, openid, kfAccount) {
      const path = `/customservice/kfsession/create?access_token=${encodeURIComponent(accessToken)}`;
      const call = await http.post(path, JSON.stringify({ kf_account: kfAccount, openid }));
      if (call.kind !== 'responded') return call;
      return readRefusal(call) ?? { kind: 'created' };
    },

    async fetchToken({ appId, appSecret, accessTokenMode }, { forceRefresh }) {
      const request = { grant_type: 'client_credential', appid: appId, secret: appSecret };
      const call =
        accessTokenMode === 'classic'
          ? await http.get(`/cgi-bin/token?${new URLSearchParams(request)}`)
          : await http.post(
              '/cgi-bin/stable_token',
              JSON.stringify({ ...request, force_refresh: forceRefresh }),
            );
      // Asking twice does no harm here: an unknown outcome is one to try again.
      if (call.kind !== 'responded') throw new TokenError('transient', undefined, call.errmsg);
      const granted = readGranted(call, 'access_token');
      if (granted) return granted;
      const refusal = readRefusal(call);
      if (!refusal) throw new TokenError('transient', undefined, unexpected(call).errmsg);
      throw new TokenError(tokenErrorClass(refusal.errcode), refusal.errcode, refusal.errmsg);
    },

    async fetchQuota(accessToken) {
      const call = await http.post(endpoint(accessToken, 'openapi/quota/get'), ofSends);
      if (call.kind !== 'responded') return call;
      const quota = readQuota(call);
      return quota ? { kind: 'told', quota } : (readRefusal(call) ?? unexpected(call));
    },

    async fetchJsapiTicket(accessToken) {
      const call = await http.get(endpoint(accessToken, 'ticket/getticket', '&type=jsapi'));
      if (call.kind !== 'responded') return call;
      const ticket = readGranted(call, 'ticket');
      return ticket ? { kind: 'granted', ticket } : (readRefusal(call) ?? unexpected(call));
    },

    async uploadMedia(accessToken, { type, filename, contentType, content }) {
      const form = new FormData();
      form.set('media', new Blob([content], { type: contentType }), filename);
      const call = await http.post(endpoint(accessToken, 'media/upload', `&type=${type}`), form);
      if (call.kind !== 'responded') return call;
      const mediaId = call.response.media_id ?? call.response.thumb_media_id;
      if (typeof mediaId === 'string' && mediaId !== '') return { kind: 'uploaded', mediaId };
      return readRefusal(call) ?? unexpected(call);
    },

    async downloadMedia(accessToken, mediaId, signal) {
      const path = endpoint(accessToken, 'media/get', `&media_id=${encodeURIComponent(mediaId)}`);
      const call = await http.getFile(path, signal);
      if (call.kind !== 'responded') return call;
      const { video_url: url } = call.response;
      if (typeof url === 'string' && url !== '') return { kind: 'elsewhere', url };
      return readRefusal(call) ?? unexpected(call);
    },

    call: (accessToken, request, signal) => callAny(http, accessToken, request, signal),
    destroy: () => http.destroy(),
  };
}

function endpoint(accessToken: string, path: string, more = ''): string {
  return `/cgi-bin/${path}?access_token=${encodeURIComponent(accessToken)}${more}`;
}

async function callAny(
  http: WeChatHttp,
  accessToken: string,
  { method, path, body }: ApiRequest,
  signal: AbortSignal | undefined,
): Promise<ApiOutcome> {
  const token = `access_token=${encodeURIComponent(accessToken)}`;
  const withToken = `${path}${path.includes('?') ? '&' : '?'}${token}`;
  const call = await http.exchangeJson(method, withToken, body, { signal });
  if (call.kind !== 'json') return call;
  const { httpStatus, json } = call;
  const { errcode, errmsg } = errcodeOf(json);
  if (errcode === 0) return { kind: 'told', httpStatus, response: json };
  return { kind: 'refused', httpStatus, errcode, errmsg, errorClass: classifyErrcode(errcode) };
}

type Responded = Extract<Call, { kind: 'responded' }>;

function readRefusal({ httpStatus, response }: Responded): Refusal | undefined {
  const { errcode = 0, errmsg } = response;
  if (errcode === 0) return undefined;
  return { kind: 'refused', httpStatus, errcode, errmsg, errorClass: classifyErrcode(errcode) };
}

/** Success by its errcode, without what was asked for. */
function unexpected({ httpStatus, response }: Responded): NoResponse {
  return {
    kind: 'unknown',
    httpStatus,
    errmsg: `not what was asked for: ${JSON.stringify(Object.keys(response))}`,
  };
}

function readQuota({ response }: Responded): SendQuota | undefined {
  const { quota } = response;
  if (typeof quota !== 'object' || quota === null) return undefined;
  const of = (name: string) => Number((quota as Record<string, unknown>)[name] ?? Number.NaN);
  const told = { daily: of('daily_limit'), used: of('used'), remaining: of('remain') };
  return Object.values(told).every(Number.isFinite) ? told : undefined;
}

function readGranted({ response }: Responded, name: 'access_token' | 'ticket'): FetchedToken | undefined {
  const { [name]: value, expires_in: expiresIn } = response;
  const expiresInSeconds = typeof expiresIn === 'string' ? Number(expiresIn) : expiresIn;
  if (typeof value !== 'string' || value === '') return undefined;
  return typeof expiresInSeconds === 'number' && expiresInSeconds > 0
    ? { value, expiresInSeconds }
    : undefined;
}

/** From a token call, 40001 means a wrong secret: no renewal helps. */
function tokenErrorClass(errcode: number): TokenError['errorClass'] {
  const errorClass = errcode === 40001 ? 'account' : classifyErrcode(errcode);
  return errorClass === 'account' || errorClass === 'throttled' ? errorClass : 'transient';
}
