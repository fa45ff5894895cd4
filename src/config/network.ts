import { z } from 'zod';
import type { Proxies } from '../lib/proxies.js';

/** The ways out of this machine, as settings. */

const proxyForms = 'must be an address such as http://proxy.example:3128, with user:password@ where it asks';

const proxy = z
  .string()
  .transform((value) => (value.includes('://') ? value : `http://${value}`))
  .pipe(z.url({ protocol: /^https?$/, error: proxyForms }))
  .optional();

export const networkSettings = {
  HTTP_PROXY: proxy,
  HTTPS_PROXY: proxy,
  NO_PROXY: z.string().default(''),
  WECHAT_API_IP_FAMILY: z
    .enum(['4', '6', 'auto'], { error: 'must be 4, 6 or auto' })
    .default('auto')
    .transform((value) => (value === 'auto' ? value : value === '4' ? 4 : 6)),
};

/** Each may hold a password. */
export const proxySecrets = ['HTTP_PROXY', 'HTTPS_PROXY'] as const;

/** As curl has it, the names in small letters win. */
export function withProxyNames<T extends Record<string, string | undefined>>(environment: T): T {
  const small = ['http_proxy', 'https_proxy', 'no_proxy'].filter((name) => environment[name]);
  return {
    ...environment,
    ...Object.fromEntries(small.map((name) => [name.toUpperCase(), environment[name]])),
  };
}

/** @returns undefined where there are none */
export function proxiesOf({
  HTTP_PROXY: http = '',
  HTTPS_PROXY: https = '',
  NO_PROXY: none,
}: {
  HTTP_PROXY?: string | undefined;
  HTTPS_PROXY?: string | undefined;
  NO_PROXY: string;
}): Proxies | undefined {
  return http || https ? { http, https, none } : undefined;
}
