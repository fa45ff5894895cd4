/** The simulator's own view of WeChat. It shares no code with the service, so that it can catch its mistakes. */

export interface SimulatedAccount {
  appId: string;
  appSecret: string;
  token: string;
  /** gh_…, the ToUserName of pushes. */
  originalId?: string;
}

/** Strings go into CDATA, numbers stand bare; ids of 64 bits are bigints. */
export type XmlValue = string | number | bigint | XmlFields | readonly XmlValue[];

export interface XmlFields {
  readonly [name: string]: XmlValue;
}

/** One call of the API, as it came in and as it was answered. */
export interface ApiCall {
  at: number;
  path: string;
  openid: string | undefined;
  body: string;
  /** Absent when the connection was cut instead. */
  httpStatus?: number;
  errcode?: number;
  /** Whether the caller got an answer. */
  answered: boolean;
}

/** A message that a user received. */
export interface DeliveredMessage {
  at: number;
  /** Position among all deliveries, from 1. */
  sequence: number;
  openid: string;
  msgtype: string;
  body: Record<string, unknown>;
  /** What the user sees, on one line or several. */
  text: string;
}

/** One try of a push. */
export interface PushTry {
  status?: number;
  body?: string;
  error?: string;
  ms: number;
}

export interface PushResult {
  openid: string;
  /** The XML that was pushed. */
  body: string;
  msgId: string | undefined;
  createTime: number;
  tries: readonly PushTry[];
  /** `notice`: no good answer in three tries, and the user was told that the account is out of service. */
  outcome: 'acknowledged' | 'notice';
}
