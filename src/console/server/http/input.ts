import type Koa from 'koa';
import { z } from 'zod';
import { say } from '../../../lib/language.js';
import { badRequest, Refusal } from './refusal.js';

/** Ids are of Postgres's bigint. */
export const id = z
  .string()
  .refine((value) => /^\d{1,19}$/.test(value) && BigInt(value) <= 9_223_372_036_854_775_807n);

/** ISO 8601. */
export const time = z.iso.datetime({ offset: true }).transform((value) => new Date(value));

/** Postgres stores no NUL, and would refuse the statement. */
export const text = (most: number) =>
  z
    .string()
    .max(most)
    .refine((value) => !value.includes('\0'));

export const shortText = text(200).min(1);

/** How many rows a page has. */
export const limit = (usual: number, most = 200) =>
  z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .pipe(z.number().min(1).max(most))
    .default(usual);

const withLanguage = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject({ ...shape, lang: z.string().max(35).optional() });

/**
 * The query by its shape, which `lang` is part of everywhere. An empty value counts as none: pages send what was left empty.
 *
 * @throws Refusal naming what is unknown or wrong
 */
export function readQuery<Shape extends z.ZodRawShape>(ctx: Koa.Context, shape: Shape) {
  const given = Object.fromEntries(Object.entries(ctx.query).filter(([, value]) => value !== ''));
  return check(withLanguage(shape), given);
}

/**
 * The body that `jsonBody` has parsed. Without one: an empty object.
 *
 * @throws Refusal naming what is unknown or wrong
 */
export function readBody<Schema extends z.ZodType>(ctx: Koa.Context, schema: Schema): z.output<Schema> {
  // A form of another site can send no JSON.
  if (ctx.request.length !== 0 && ctx.request.is('json') === false)
    throw new Refusal(415, 'bad_request', say('Send JSON', '请发送 JSON'));
  const { body }: { body?: unknown } = ctx.request;
  return check(schema, body ?? {});
}

/** @throws Refusal naming what is unknown or wrong */
export function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const names = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.join('.') || 'body'],
  );
  throw badInput([...new Set(names)]);
}

/** @param names of the parameters or fields */
export const badInput = (names: readonly string[]) =>
  badRequest(`Unknown or wrong: ${names.join(', ')}`, `参数不认识或有误：${names.join('、')}`);
