import type Koa from 'koa';

export const sessionCookie = 'wechat_console';
/** From this browser its name signed in before. */
export const deviceCookie = 'wechat_console_device';
/** While somebody is at the issuer of OpenID Connect. */
export const oidcCookie = 'wechat_console_oidc';

export interface CookieOptions {
  maxAgeSeconds: number;
  secure: boolean;
}

/**
 * Sets a cookie for the folder that the request is in, which is `…/api`: all routes that set one lie right there. So it is not
 * needed to know what path a proxy puts before ours, and nothing else on the host gets it.
 */
export function setCookie(
  ctx: Koa.Context,
  name: string,
  value: string,
  { maxAgeSeconds, secure }: CookieOptions,
): void {
  const parts = [`${name}=${value}`, `Max-Age=${maxAgeSeconds}`, 'HttpOnly', 'SameSite=Lax'];
  ctx.append('set-cookie', [...parts, ...(secure ? ['Secure'] : [])].join('; '));
}

export const dropCookie = (ctx: Koa.Context, name: string, secure: boolean) =>
  setCookie(ctx, name, '', { maxAgeSeconds: 0, secure });
