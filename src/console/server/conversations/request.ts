import { Writable } from 'node:stream';
import type Koa from 'koa';
import { koaBody } from 'koa-body';
import { z } from 'zod';
import { say } from '../../../lib/language.js';
import type { Role } from '../../contract/rights.js';
import { badRequest, Refusal } from './refusal.js';

/** Who is signed in: `ctx.state.user`. */
export interface SignedIn {
  name: string;
  displayName: string;
  role: Role;
}

export interface Address {
  appId: string;
  openid: string;
}

/** The most that PostgreSQL's bigint surely holds. */
export const id = z.string().regex(/^\d{1,18}$/);

/** A column of text takes anything but a NUL. */
export const line = (most: number) =>
  z
    .string()
    .max(most)
    .refine((value) => !value.includes('\0'));

const addressShape = z.object({ account: line(64).min(1), openid: line(128).min(1) });

/** Of routes `conversations/:account/:openid`. */
export function addressOf(ctx: Koa.Context & { params: unknown }): Address {
  const { account, openid } = checked(addressShape, ctx.params);
  return { appId: account, openid };
}

export function userOf(ctx: Koa.Context): SignedIn {
  const user: SignedIn | undefined = ctx.state.user;
  if (!user) throw new Error('A route of conversations was reached by nobody');
  return user;
}

/** @throws Refusal for a parameter that is unknown or has no such value */
export function readQuery<Shape extends z.core.$ZodLooseShape>(
  ctx: Koa.Context,
  shape: Shape,
): z.infer<z.ZodObject<Shape>> {
  return checked(z.strictObject({ ...shape, lang: z.string().optional() }), { ...ctx.query }) as z.infer<
    z.ZodObject<Shape>
  >;
}

const readAsJson = koaBody({
  json: true,
  jsonLimit: '64kb',
  text: false,
  urlencoded: false,
  multipart: false,
});

/** @throws Refusal */
export async function readJson<Shape extends z.ZodType>(
  ctx: Koa.Context,
  shape: Shape,
): Promise<z.infer<Shape>> {
  // Whoever stands in front may have read it already.
  if (ctx.request.body === undefined) await parse(ctx, readAsJson);
  return checked(shape, ctx.request.body ?? {});
}

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
  const readAsForm = koaBody({
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
  await parse(ctx, readAsForm);
  return { fields: ctx.request.body ?? {}, file: chunks.length > 0 ? Buffer.concat(chunks) : undefined };
}

async function parse(ctx: Koa.Context, read: Koa.Middleware): Promise<void> {
  try {
    await read(ctx as Koa.ParameterizedContext, async () => undefined);
  } catch (error) {
    // What is left of the body would be taken for the next request.
    ctx.set('connection', 'close');
    if (statusOf(error) === 413) throw new Refusal(413, 'too_large', say('It is too large', '内容过大'));
    throw badRequest('The body could not be read', '无法读取请求内容');
  }
}

function statusOf(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  if ('status' in error) return error.status;
  return 'httpCode' in error ? error.httpCode : undefined;
}

/** @throws Refusal that names the first field at fault */
export function checked<Shape extends z.ZodType>(shape: Shape, value: unknown): z.infer<Shape> {
  const result = shape.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const unknownNames = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : undefined;
  if (unknownNames !== undefined)
    throw badRequest(`There is no parameter ${unknownNames}`, `没有参数 ${unknownNames}`);
  const name = issue?.path.join('.') || 'body';
  throw badRequest(`${name} is missing or has no such value`, `${name} 缺失或取值不正确`);
}
