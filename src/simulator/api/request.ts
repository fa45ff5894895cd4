import { isUtf8 } from 'node:buffer';

/** A request body, looked at once. */
export interface RequestBody {
  /** As it came; of multipart only how much it was. */
  text: string;
  /** False when the bytes are not UTF-8. */
  isUtf8: boolean;
  /** Undefined when the text is not JSON. */
  json: unknown;
  /** The multipart field `media`, when it has a filename. */
  file?: { filename: string; bytes: Buffer };
}

/** A call of the API. */
export interface ApiRequest {
  method: string;
  path: string;
  /** Name and port of the API, as the caller knows them. */
  host: string;
  query: URLSearchParams;
  body: RequestBody;
}

export async function readBody(bytes: Buffer, contentType = ''): Promise<RequestBody> {
  return /^multipart\//i.test(contentType) ? readMultipart(bytes, contentType) : readJson(bytes);
}

function readJson(bytes: Buffer): RequestBody {
  const text = bytes.toString('utf8');
  try {
    return { text, isUtf8: isUtf8(bytes), json: JSON.parse(text) };
  } catch {
    return { text, isUtf8: isUtf8(bytes), json: undefined };
  }
}

async function readMultipart(bytes: Buffer, contentType: string): Promise<RequestBody> {
  const body: RequestBody = { text: `[multipart ${bytes.length} bytes]`, isUtf8: true, json: undefined };
  const media = await mediaField(bytes, contentType);
  // Without a filename the field is a string, which is no file in WeChat's eyes either.
  if (media === undefined || typeof media === 'string') return body;
  return { ...body, file: { filename: media.name, bytes: Buffer.from(await media.arrayBuffer()) } };
}

async function mediaField(bytes: Buffer, contentType: string): Promise<File | string | undefined> {
  try {
    const form = await new Response(bytes, { headers: { 'content-type': contentType } }).formData();
    return form.get('media') ?? undefined;
  } catch {
    // Not multipart after all: as if nothing had been sent.
    return undefined;
  }
}

export function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
