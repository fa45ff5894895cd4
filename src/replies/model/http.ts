import { Agent, type Dispatcher, fetch as undiciFetch } from 'undici';
import { createProxyAgent, type Proxies } from '../../lib/proxies.js';
import { ModelTrouble } from './trouble.js';

export interface ModelHttp {
  /** For the SDK: refuses what is no stream of events. */
  fetchStream: typeof globalThis.fetch;
  fetch: typeof globalThis.fetch;
  close(): Promise<void>;
}

const connectTimeoutMs = 10_000;

/** Through the proxies of the environment, as all our calls. Time limits are the callers'. */
export function createModelHttp(proxies: Proxies | undefined): ModelHttp {
  const options = { connect: { timeout: connectTimeoutMs }, headersTimeout: 0, bodyTimeout: 0 };
  const dispatcher: Dispatcher = proxies
    ? createProxyAgent(proxies, { ...options, connectTimeoutMs, tunnelsHttp: false })
    : new Agent(options);
  // undici's own fetch knows its own dispatcher; Node's has an undici of another version.
  const fetch = ((input: string, init: object) =>
    undiciFetch(input, { ...init, dispatcher })) as unknown as typeof globalThis.fetch;

  return {
    fetch,
    fetchStream: async (input, init) => {
      const response = await fetch(input, init);
      const type = response.headers.get('content-type') ?? '';
      if (!response.ok || /^text\/event-stream\b/i.test(type)) return response;
      await response.body?.cancel();
      throw new ModelTrouble(
        'nonsense',
        `no OpenAI-compatible server is at this address: it responded with ${type || 'nothing that it names'} instead of a stream; look at baseUrl`,
      );
    },
    close: () => dispatcher.destroy(),
  };
}
