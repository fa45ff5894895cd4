import type { FormData } from 'undici';
import { scrub } from '../../lib/scrub.js';

/** Takes secrets out of a text. */
export type Hide = (text: string) => string;

/**
 * Texts of others may quote our request: nothing that was secret in it leaves this module with them. By value, whatever
 * form it is quoted in, and by name, for secrets of other requests.
 */
export function hideSecrets(path: string, body?: string | FormData): Hide {
  return (text) => {
    let hidden = text;
    for (const secret of secretsIn(path, body)) hidden = hidden.replaceAll(secret, '[hidden]');
    return scrub(hidden);
  };
}

function secretsIn(path: string, body: string | FormData | undefined): string[] {
  const inPath = [...path.matchAll(/[?&](?:access_token|secret)=([^&]+)/g)].map(([, value = '']) => value);
  const inBody = typeof body === 'string' ? /"secret":"([^"]+)"/.exec(body)?.[1] : undefined;
  const secrets = [...inPath, ...inPath.map(decodeURIComponent), inBody ?? ''];
  // What is shorter is none, and may stand in any text.
  return secrets.filter((secret) => secret.length >= 8);
}
