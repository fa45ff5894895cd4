import { Writable } from 'node:stream';
import type Koa from 'koa';
import { koaBody } from 'koa-body';
import { say } from '../../../lib/language.js';
import { badRequest, Refusal } from './refusal.js';

export interface Form {
  fields: unknown;
  /** Of the field `file`; undefined where there is none. */
  file: Buffer | undefined;
}

/**
 * One file, kept in memory.
 *
 * @throws Refusal, too for a file that is larger
 */
export async function readForm(ctx: Koa.Context, maxBytes: number): Promise<Form> {
  const chunks: Buffer[] = [];
  const collect = () =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk);
        done();
      },
    });
  const readAsForm: Koa.Middleware = koaBody({
    json: false,
    text: false,
    urlencoded: false,
    multipart: true,
    formidable: {
      ...{ maxFiles: 1, maxFileSize: maxBytes, maxFields: 10, maxFieldsSize: 4_096 },
      filter: ({ name }) => name === 'file',
      fileWriteStreamHandler: collect,
    },
  });
  try {
    await readAsForm(ctx as Koa.ParameterizedContext, async () => undefined);
  } catch (error) {
    // What is left of the body would be taken for the next request.
    ctx.set('connection', 'close');
    if (statusOf(error) === 413) throw new Refusal(413, 'too_large', say('It is too large', '内容过大'));
    throw badRequest('The body could not be read', '无法读取请求内容');
  }
  return { fields: ctx.request.body ?? {}, file: chunks.length > 0 ? Buffer.concat(chunks) : undefined };
}

/** Formidable has its own name for it. */
function statusOf(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  if ('status' in error) return error.status;
  return 'httpCode' in error ? error.httpCode : undefined;
}
