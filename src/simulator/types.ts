/** The simulator's own view of WeChat. It shares no code with the service, so that it can catch its mistakes. */

/** How the owner of an account has set up its pushes in the console. */
export interface PushSettings {
  mode: 'plaintext' | 'compatible' | 'secure';
  format: 'xml' | 'json';
}

/** Without a mode or format of its own, the account has those of the simulator's options. */
export interface SimulatedAccount extends Partial<PushSettings> {
  appId: string;
  appSecret: string;
  token: string;
  /** 43 characters; needed for secure and compatible mode. */
  encodingAesKey?: string;
  /** gh_…, the ToUserName of pushes. Default: `gh_simulator`, and for further accounts gh_ and the app id. */
  originalId?: string;
}

/** Strings go into CDATA, numbers stand bare; ids of 64 bits are bigints; a list is a repeated element. */
export type XmlValue = string | number | bigint | XmlFields | readonly XmlValue[];

export interface XmlFields {
  readonly [name: string]: XmlValue;
}

/** One call of the API, as it came in and as it was answered. Times are the simulator's clock's, in ms. */
export interface ApiCall {
  at: number;
  /** Absent while the call is under way, and for good when it hangs. */
  finishedAt?: number;
  path: string;
  /** The account whose access token the call carries, valid or not; undefined without a token from here. */
  appId: string | undefined;
  /** The `touser` of the body, if it has one. */
  openid: string | undefined;
  /** Of multipart not the bytes, but how many: `[multipart 1234 bytes]`. */
  body: string;
  /** Absent when the connection was cut instead, or the caller had left. */
  httpStatus?: number;
  /** Of the answer; absent as `httpStatus` is, and for an answer that is not WeChat's. */
  errcode?: number;
  /** Whether the caller got an answer, as far as this end can tell. */
  answered: boolean;
}

/** A message that a user received. */
export interface DeliveredMessage {
  at: number;
  /** Position among all deliveries, from 1. */
  sequence: number;
  appId: string;
  openid: string;
  msgtype: string;
  /** The request without `touser` and `msgtype`. */
  body: Record<string, unknown>;
  /** What the user sees, as text. */
  text: string;
}

/** One try of a push: a status and a body, or an error. */
export interface PushTry {
  status?: number;
  body?: string;
  error?: string;
  ms: number;
}

export interface PushResult {
  appId: string;
  openid: string;
  /** What was pushed. */
  body: string;
  /** Its `Encrypt` field, outside plaintext mode. */
  encrypted?: string;
  /** Absent for events. */
  msgId?: string;
  /** Unix seconds. */
  createTime: number;
  tries: readonly PushTry[];
  /** `notice`: no good answer in three tries, and the user was told that the account is out of service. */
  outcome: 'acknowledged' | 'notice';
  /** The passive reply, when the push was acknowledged with one. */
  replyXml?: string;
}

/** A user was shown that the account is out of service. */
export interface Notice {
  at: number;
  appId: string;
  openid: string;
  text: string;
  push: PushResult;
}
