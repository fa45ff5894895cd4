import type { Language } from '../../lib/language.js';
import type { ErrorClass, ErrorCode, ErrorScope, Evidence } from './error-code.js';
import { errorCodes } from './error-table.js';

export type * from './error-code.js';

export interface ErrorDescription {
  scope: ErrorScope;
  class: ErrorClass;
  reason: string;
  remedy: string;
  evidence: Evidence | undefined;
}

const byErrcode: ReadonlyMap<number, ErrorCode> = new Map(errorCodes.map((row) => [row.errcode, row]));

/** The class of an errcode, or undefined for one that the table does not know. */
export function classifyErrcode(errcode: number): ErrorClass | undefined {
  return byErrcode.get(errcode)?.errorClass;
}

/** All that the table says of an errcode, to machines in English; undefined for one that it does not know. */
export function describeErrcode(errcode: number, language: Language = 'en'): ErrorDescription | undefined {
  const row = byErrcode.get(errcode);
  if (!row) return undefined;
  const { scope, errorClass, reason, remedy, evidence } = row;
  return { scope, class: errorClass, reason: reason[language], remedy: remedy[language], evidence };
}

/** What a code means, in a few words; undefined for one unknown to us. */
export function errorReason(errcode: number, language: Language = 'en'): string | undefined {
  return byErrcode.get(errcode)?.reason[language];
}

export { errorCodes };

/** Thrown when no access token can be had: `errorClass` says whether waiting helps. */
export class TokenError extends Error {
  readonly code = 'ACCESS_TOKEN';
  constructor(
    readonly errorClass: 'transient' | 'throttled' | 'account',
    readonly errcode: number | undefined,
    readonly errmsg: string,
  ) {
    super(`No access token: ${errcode ?? 'no response'} ${errmsg}`);
    this.name = 'TokenError';
  }
}
