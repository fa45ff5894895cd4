import { describeError } from '../../lib/describe-error.js';
import type { HttpTool } from './schema.js';
import { storableText, type ToolCall } from './storable.js';

/** Whose message a tool is called for: the model cannot say it is another's. */
export interface ToolSubject {
  appId: string;
  openid: string;
  messageId: string;
}

/** Characters of a tool's response that the model gets to read. */
const maxResultLength = 16_000;

/**
 * Calls tools by HTTP: POST with `{ arguments, appId, openid, messageId }`, and the secret as a bearer token. Whatever goes wrong is told
 * to the model in words, which can tell the user.
 */
export function createTools(tools: readonly HttpTool[], fetch: typeof globalThis.fetch) {
  return async (call: ToolCall, subject: ToolSubject, signal: AbortSignal): Promise<string> => {
    const tool = tools.find(({ name }) => name === call.name);
    if (!tool) return `error: there is no tool ${call.name}`;
    if (call.problem !== null) return `error: ${call.problem}`;
    try {
      const response = await fetch(tool.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          // The same again where a crash makes us ask again.
          'idempotency-key': `${subject.messageId}-${call.id}`,
          ...(tool.secret === undefined ? {} : { authorization: `Bearer ${tool.secret}` }),
        },
        body: JSON.stringify({ arguments: call.input, ...subject }),
        // The secret is for this address alone.
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(tool.timeout)]),
      });
      const text = storableText(await textOf(response), maxResultLength + 1);
      return response.ok ? text : `error: HTTP ${response.status} ${text}`.trim();
    } catch (error) {
      // The run is over: then this is no answer of the tool's.
      if (signal.aborted) throw error;
      return `error: ${describeError(error)}`;
    }
  };
}

async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  if (response.body) {
    for await (const chunk of response.body) {
      text += decoder.decode(chunk, { stream: true });
      // Leaving the loop cancels the rest.
      if (text.length > maxResultLength) return `${text.slice(0, maxResultLength)}…`;
    }
  }
  return text;
}
