import { z } from 'zod';
import type { Proxies } from '../lib/proxies.js';
import { about } from './about.js';
import { form } from './forms.js';

/** The ways out of this machine, as settings. */

const proxy = z
  .string()
  .transform((value) => (value.includes('://') ? value : `http://${value}`))
  .pipe(z.url({ protocol: /^https?$/, ...form('proxy') }))
  .optional();

export const networkSettings = {
  HTTP_PROXY: proxy.meta(
    about('network', 'Proxy for `http`, and for `https` where that has none.', { absent: 'none' }),
  ),
  HTTPS_PROXY: proxy.meta(
    about(
      'network',
      'Proxy for calls to WeChat and for media that replies name by URL. It must refuse inner addresses by itself. The name in small letters (`https_proxy`) wins.',
      { absent: 'none', example: 'http://user:password@proxy.example:3128' },
    ),
  ),
  NO_PROXY: z
    .string()
    .default('')
    .meta(
      about(
        'network',
        'Hosts that are asked directly, with all below them, separated by commas; `*` for all. Loopback always is.',
        { example: 'inner.example' },
      ),
    ),
  WECHAT_API_IP_FAMILY: z
    .enum(['4', '6', 'auto'], form('ipFamily'))
    .default('auto')
    .transform((value) => (value === 'auto' ? value : value === '4' ? 4 : 6))
    .meta(
      about(
        'network',
        'Connect to WeChat by addresses of this kind alone. `4` helps where 40164 names an IPv6 address and the allowlist has none.',
      ),
    ),
};

/** Each may hold a password. */
export const proxySecrets = ['HTTP_PROXY', 'HTTPS_PROXY'] as const;

/** As curl has it, the names in small letters (`https_proxy`) wins. */
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
