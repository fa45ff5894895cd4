import { z } from 'zod';
import type { ActionRequest, MenuButton, Trouble } from './contract.js';

/** What a person may type: more than WeChat's own limit, so that its refusals can be seen. */
const words = z.string().max(20_000);
const short = z.string().max(1_000);
const appId = z.string().max(100);
const openid = z.string().min(1).max(100);

const action = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('say'), text: words.min(1) }),
  z.object({ kind: z.literal('tap'), id: short, text: words.min(1) }),
  z.object({ kind: z.literal('voice'), words }),
  z.object({
    kind: z.literal('location'),
    latitude: z.number().min(-90).max(90),
    longitude: z.number().min(-180).max(180),
    label: short,
    key: short,
  }),
  z.object({ kind: z.literal('follow'), scene: short }),
  z.object({ kind: z.literal('unfollow') }),
  z.object({ kind: z.literal('scan'), scene: short.min(1) }),
  z.object({ kind: z.literal('click'), key: short }),
  z.object({ kind: z.literal('view'), url: short }),
  z.object({ kind: z.literal('miniprogram'), page: short }),
  z.object({ kind: z.literal('scan code'), key: short, result: short, wait: z.boolean() }),
]);

export const actionRequest: z.ZodType<ActionRequest> = z.object({ appId, openid, action });

export const newUser = z.object({ appId, name: z.string().trim().min(1).max(40) });

/** Whom a picture is from; `key`: that of the menu’s button, if it was one. */
export const pictureQuery = z.object({ appId, openid, key: short.default('') });

const failure = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('errcode'), errcode: z.int().min(-100).max(9_999_999) }),
  z.object({ kind: z.literal('http'), status: z.int().min(400).max(599) }),
  z.object({ kind: z.literal('hang') }),
  z.object({ kind: z.literal('slow'), ms: z.int().min(0).max(600_000) }),
  z.object({ kind: z.literal('reset'), when: z.enum(['before', 'after']) }),
  z.object({ kind: z.literal('malformed') }),
]);

export const trouble: z.ZodType<Trouble> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('fail'),
    order: z.object({
      failure,
      call: z.enum(['send', 'typing', 'upload', 'download', 'token']),
      openid: openid.nullable(),
      times: z.int().min(1).max(10_000).nullable(),
    }),
  }),
  z.object({ kind: z.literal('quota'), isUsedUp: z.boolean() }),
  z.object({ kind: z.literal('end token') }),
  z.object({ kind: z.literal('copies'), copies: z.int().min(0).max(5) }),
  z.object({ kind: z.literal('webhook'), isDown: z.boolean() }),
  z.object({ kind: z.literal('push again'), openid }),
  z.object({ kind: z.literal('lift all') }),
]);

const leaf = z.object({
  name: z.string().min(1),
  type: z.string().optional(),
  key: z.string().optional(),
  url: z.string().optional(),
  pagepath: z.string().optional(),
});

const menu = z.object({
  button: z
    .array(leaf.extend({ sub_button: z.array(leaf).max(5).optional() }))
    .min(1)
    .max(3),
});

/**
 * A menu in the form of menu/create: three buttons at most, and five below each.
 *
 * @throws Error saying what is wrong with it
 */
export function parseMenu(json: string): readonly MenuButton[] {
  const parsed = menu.safeParse(JSON.parse(json));
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  // Without what is undefined: JSON has no such thing.
  return JSON.parse(JSON.stringify(parsed.data.button)) as MenuButton[];
}
