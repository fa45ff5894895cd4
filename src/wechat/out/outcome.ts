import type { Readable } from 'node:stream';
import type { ErrorClass } from './errors.js';
import type { JsonObject, NoResponse } from './response.js';

export type { JsonObject, NoResponse };

/** WeChat responded with an error; `errorClass` is undefined for a code that our table does not know. */
export interface Refusal {
  kind: 'refused';
  httpStatus: number;
  errcode: number;
  errmsg: string;
  errorClass: ErrorClass | undefined;
}

/** What came of one HTTP call to send a message. */
export type SendOutcome = { kind: 'sent'; httpStatus: number; errmsg: string } | Refusal | NoResponse;

export type SessionOutcome = { kind: 'created' } | Refusal | NoResponse;

/** How many calls of the send API the account may make today, by WeChat's count; up to 1 % off. */
export interface SendQuota {
  daily: number;
  used: number;
  remaining: number;
}

export type QuotaOutcome = { kind: 'told'; quota: SendQuota } | Refusal | NoResponse;

export type UploadOutcome = { kind: 'uploaded'; mediaId: string } | Refusal | NoResponse;

/** Of any API: `response` as it came, whole numbers that a double cannot hold as strings. */
export type ApiOutcome = { kind: 'told'; httpStatus: number; response: JsonObject } | Refusal | NoResponse;

export interface FetchedToken {
  value: string;
  /** As told by WeChat: 7,200 at most. */
  expiresInSeconds: number;
}

export type TicketOutcome = { kind: 'granted'; ticket: FetchedToken } | Refusal | NoResponse;

export type DownloadOutcome =
  | {
      kind: 'file';
      contentType: string;
      filename: string | undefined;
      length: number | undefined;
      body: Readable;
    }
  /** Videos are served elsewhere. */
  | { kind: 'elsewhere'; url: string }
  | Refusal
  | NoResponse;
