import { createHash, randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

/** The headers that prove where a request comes from. Source: Standard Webhooks, and Trace Context of the W3C. */
export interface SignedHeaders {
  'webhook-id': string;
  'webhook-timestamp': string;
  'webhook-signature': string;
}

/** @returns what signs a body by all of these secrets: while one replaces another, a back end may know either */
export function createSigner(
  secrets: readonly string[],
): (id: string, at: Date, body: string) => SignedHeaders {
  const webhooks = secrets.map((secret) => new Webhook(secret));
  return (id, at, body) => ({
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': webhooks.map((webhook) => webhook.sign(id, at, body)).join(' '),
  });
}

/** The trace is the push's, by its request id; each call is a span of its own. */
export function traceparent(requestId: string | undefined): string {
  const trace =
    requestId === undefined
      ? randomBytes(16).toString('hex')
      : createHash('sha256').update(requestId).digest('hex').slice(0, 32);
  return `00-${trace}-${randomBytes(8).toString('hex')}-01`;
}
