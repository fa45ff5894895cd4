import type Koa from 'koa';
import { z } from 'zod';
import { wordsFor } from '../words/index.js';
import { Refusal } from './refusal.js';

/** Ids are of Postgres's bigint. */
export const id = z
  .string()
  .refine((value) => /^\d{1,19}$/.test(value) && BigInt(value) <= 9_223_372_036_854_775_807n);

/** ISO 8601. */
export const time = z.iso.datetime({ offset: true }).transform((value) => new Date(value));

/** Postgres stores no NUL, and would refuse the statement. */
export const shortText = z
  .string()
  .min(1)
  .max(200)
  .refine((value) => !value.includes('\0'));

/** How many rows a page has. */
export const limit = z
  .string()
  .regex(/^\d{1,3}$/)
  .transform(Number)
  .pipe(z.number().min(1).max(200));

const withLanguage = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject({ ...shape, lang: z.string().max(35).optional() });

/**
 * The query by its shape, which `lang` is part of everywhere. An empty value counts as none: pages send what was left empty.
 *
 * @throws Refusal naming what is unknown or wrong
 */
export function readQuery<Shape extends z.ZodRawShape>(ctx: Koa.Context, shape: Shape) {
  const given = Object.fromEntries(Object.entries(ctx.query).filter(([, value]) => value !== ''));
  return check(ctx, withLanguage(shape), given);
}

/** @throws Refusal */
export async function readBody<Schema extends z.ZodType>(ctx: Koa.Context, schema: Schema) {
  return check(ctx, schema, await bodyOf(ctx));
}

/** @throws Refusal */
export function check<Schema extends z.ZodType>(
  ctx: Koa.Context,
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const names = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.join('.') || 'body'],
  );
  throw new Refusal(400, 'bad_request', wordsFor(ctx).refusals.badInput([...new Set(names)]));
}

const maxBodyBytes = 1_000_000;

/** As something before us has parsed it; else parsed here. Without a body: an empty object. */
async function bodyOf(ctx: Koa.Context): Promise<unknown> {
  const request: { body?: unknown } = ctx.request;
  if (request.body !== undefined) return request.body;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of ctx.req as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw badBody(ctx);
    chunks.push(chunk);
  }
  if (bytes === 0) return {};
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw badBody(ctx);
  }
}

function badBody(ctx: Koa.Context): Refusal {
  return new Refusal(400, 'bad_request', wordsFor(ctx).refusals.badInput(['body']));
}
