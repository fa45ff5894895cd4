import { refusal } from '../state/refusal.js';

/** The body of a response, as JSON. */
export type ResponseBody = Readonly<Record<string, unknown>>;

/** What comes back: JSON, refusals too; or the bytes of a file; or, off the API, a bare status. */
export type ApiResponse =
  | { json: ResponseBody }
  | { file: { bytes: Buffer; contentType: string; filename: string } }
  | { httpStatus: number };

export const done: ResponseBody = { errcode: 0, errmsg: 'ok' };

export function refuse(errcode: number): ApiResponse {
  return { json: refusal(errcode) };
}
