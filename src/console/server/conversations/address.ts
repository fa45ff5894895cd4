import type Koa from 'koa';
import { z } from 'zod';
import { check, text } from '../http/input.js';

export interface Address {
  appId: string;
  openid: string;
}

const shape = z.object({ account: text(64).min(1), openid: text(128).min(1) });

/**
 * Of routes `conversations/:account/:openid`.
 *
 * @throws Refusal
 */
export function addressOf(ctx: Koa.Context & { params: unknown }): Address {
  const { account, openid } = check(shape, ctx.params);
  return { appId: account, openid };
}
