import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { about } from './about.js';
import { webUrl } from './account.js';

/** The console in the browser, as settings. */

const roles = ['viewer', 'agent', 'analyst', 'operator', 'admin'] as const;

const isRange = (text: string) => ipaddr.isValidCIDR(text) || ipaddr.isValid(text);

const ranges = z
  .string()
  .default('')
  .transform((value) => value.split(',').map((part) => part.trim()))
  .transform((parts) => parts.filter((part) => part !== ''))
  .refine(
    (parts) => parts.every(isRange),
    'must be addresses or ranges such as 10.0.0.0/8, with commas between',
  )
  .transform((parts) => parts.map((part) => (part.includes('/') ? part : `${part}/${bitsOf(part)}`)));

const bitsOf = (address: string) => (ipaddr.parse(address).kind() === 'ipv4' ? 32 : 128);

export const consoleSettings = {
  CONSOLE_PATH: z
    .string()
    .regex(/^(off|(\/[\w.-]+)+)$/, 'must be off, or a path such as /console, without a slash at its end')
    .default('/console')
    .meta(
      about(
        'console',
        'Where the console stands on the admin port; `off`: there is none. A proxy may put a path of its own before it. See [Console](console.md).',
      ),
    ),
  CONSOLE_URL: webUrl
    .optional()
    .meta(
      about(
        'console',
        'Where browsers reach the console, where a proxy stands before it. With `https` its cookies are for https alone. OpenID Connect needs it.',
        { absent: 'none', example: 'https://ops.example.com/console' },
      ),
    ),
  CONSOLE_TRUSTED_PROXIES: ranges.meta(
    about(
      'console',
      'Proxies before the console, as addresses or ranges, with commas between: what they say of the browser’s address (`X-Forwarded-For`) and of who it is (CONSOLE_TRUSTED_HEADER) is believed. Only they may be able to send from there.',
      { example: '127.0.0.1, 10.0.0.0/8' },
    ),
  ),
  CONSOLE_TRUSTED_HEADER: z
    .string()
    .regex(/^[\w-]+$/, 'must be the name of a header')
    .optional()
    .meta(
      about('console', 'Header in which a trusted proxy says who is signed in, by the name of a user.', {
        absent: 'none',
        example: 'X-Forwarded-User',
      }),
    ),
  CONSOLE_OIDC_ISSUER: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as https://id.example.com' })
    .optional()
    .meta(
      about('console', 'Issuer of OpenID Connect at which people may sign in: https, or loopback.', {
        absent: 'none',
        example: 'https://id.example.com',
      }),
    ),
  CONSOLE_OIDC_CLIENT_ID: z
    .string()
    .optional()
    .meta(about('console', 'What the issuer calls the console.', { absent: 'none' })),
  CONSOLE_OIDC_CLIENT_SECRET: z
    .string()
    .optional()
    .meta(about('console', 'Its secret there.', { absent: 'none' })),
  CONSOLE_OIDC_ROLE_CLAIM: z
    .string()
    .optional()
    .meta(
      about(
        'console',
        'Claim of the ID token that holds roles, as a word or a list; the highest of them counts, at every sign-in. Without it roles are kept here.',
        { absent: 'none', example: 'roles' },
      ),
    ),
  CONSOLE_OIDC_DEFAULT_ROLE: z
    .enum(roles, { error: `must be one of ${roles.join(', ')}` })
    .optional()
    .meta(
      about('console', 'Role of whoever the issuer knows and has no other; without it they are refused.', {
        absent: 'none',
      }),
    ),
};

export interface ConsoleConfig {
  /** On the admin port, without a slash at its end; undefined: there is no console. */
  path: string | undefined;
  /** Where browsers reach it, without a slash at its end; undefined: at the admin port. */
  url: string | undefined;
  /** As CIDR. */
  trustedProxies: readonly string[];
  trustedHeader: string | undefined;
  oidc: OidcConfig | undefined;
}

export interface OidcConfig {
  issuer: string;
  clientId: string;
  /** Undefined: a public client. */
  clientSecret: string | undefined;
  roleClaim: string | undefined;
  defaultRole: (typeof roles)[number] | undefined;
  /** Where the issuer sends browsers back to. */
  redirectUrl: string;
}

/** Where browsers reach the console: by its setting, else at the port itself. */
export function consoleAddress({
  url,
  path,
  host,
  port,
}: {
  url: string | undefined;
  path: string;
  host: string;
  port: number;
}): string {
  const name = /^(0\.0\.0\.0|::)$/.test(host) ? '127.0.0.1' : host;
  return url ?? `http://${name.includes(':') ? `[${name}]` : name}:${port}${path}`;
}

/** @param problems is told what contradicts what */
export function consoleConfig(
  data: z.infer<z.ZodObject<typeof consoleSettings>>,
  problems: string[],
): ConsoleConfig {
  const url = data.CONSOLE_URL;
  const trustedProxies = data.CONSOLE_TRUSTED_PROXIES;
  if (data.CONSOLE_TRUSTED_HEADER && trustedProxies.length === 0)
    problems.push(
      'CONSOLE_TRUSTED_HEADER needs CONSOLE_TRUSTED_PROXIES: from others the header is not believed',
    );
  return {
    path: data.CONSOLE_PATH === 'off' ? undefined : data.CONSOLE_PATH,
    url,
    trustedProxies,
    trustedHeader: data.CONSOLE_TRUSTED_HEADER,
    oidc: oidcConfig(data, url, problems),
  };
}

function oidcConfig(
  data: z.infer<z.ZodObject<typeof consoleSettings>>,
  url: string | undefined,
  problems: string[],
): OidcConfig | undefined {
  const { CONSOLE_OIDC_ISSUER: issuer, CONSOLE_OIDC_CLIENT_ID: clientId } = data;
  if (issuer === undefined) return undefined;
  if (!isSafe(new URL(issuer)))
    problems.push('CONSOLE_OIDC_ISSUER must be https, unless it runs on this machine');
  if (clientId === undefined) problems.push('CONSOLE_OIDC_ISSUER needs CONSOLE_OIDC_CLIENT_ID');
  if (url === undefined)
    problems.push('CONSOLE_OIDC_ISSUER needs CONSOLE_URL: the issuer sends browsers back to it');
  if (clientId === undefined || url === undefined) return undefined;
  return {
    issuer,
    clientId,
    clientSecret: data.CONSOLE_OIDC_CLIENT_SECRET,
    roleClaim: data.CONSOLE_OIDC_ROLE_CLAIM,
    defaultRole: data.CONSOLE_OIDC_DEFAULT_ROLE,
    redirectUrl: `${url}/api/oidc-callback`,
  };
}

const isSafe = ({ protocol, hostname }: URL) =>
  protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
