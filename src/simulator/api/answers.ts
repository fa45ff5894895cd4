import { refusal } from '../state/refusal.js';

/** What a call is answered with, as JSON. */
export type Answer = Readonly<Record<string, unknown>>;

/** What comes back: JSON, refusals too; or the bytes of a file; or, off the API, a bare status. */
export type ApiAnswer =
  | { json: Answer }
  | { file: { bytes: Buffer; contentType: string; filename: string } }
  | { httpStatus: number };

export const done: Answer = { errcode: 0, errmsg: 'ok' };

export function refuse(errcode: number): ApiAnswer {
  return { json: refusal(errcode) };
}
