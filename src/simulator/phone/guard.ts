import type { IncomingMessage } from 'node:http';

/**
 * Why a request is refused, if it is: the page is for a browser of this machine. A name that leads here from outside (DNS
 * rebinding) is none of its own, and no other page may ask for anything.
 */
export function refusalOf({ headers }: IncomingMessage): string | undefined {
  const { host = '', origin } = headers;
  if (!/^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i.test(host))
    return 'Ask for it as localhost or 127.0.0.1: the phone is for this machine alone';
  if (origin !== undefined && origin !== `http://${host}`) return 'Another page may not use the phone';
  const site = headers['sec-fetch-site'];
  // A link from elsewhere may lead to the page; a script or a picture there may not ask for anything.
  const isLink = headers['sec-fetch-mode'] === 'navigate';
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isLink)
    return 'Another page may not use the phone';
  return undefined;
}

/** Nothing from elsewhere but pictures, which articles have. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' http: https:",
    "media-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};
