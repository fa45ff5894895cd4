import type { ApiError } from '../../contract/session.js';

/** What a query may hold; what is undefined or empty is left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined | null>>;

/** A refusal of the server, or its silence (status 0, code `network`). */
export class ApiFailure extends Error {
  readonly code: string;
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, body: Partial<ApiError> & Record<string, unknown>) {
    super(body.message ?? '');
    this.name = 'ApiFailure';
    this.code = body.error ?? 'unknown';
    this.status = status;
    this.body = body;
  }
}

export interface Api {
  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T>;
  /** A FormData goes as it is; anything else as JSON. */
  send<T = void>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T>;
  /** Address of a path below the API, for an image, a download, an event source. */
  url(path: string, query?: Query): string;
}

export interface ApiDependencies {
  /** Address that the API stands below, with a slash at its end. */
  base: string;
  language(): string;
  csrf(): string | null;
  /** The session is over, or there was none. */
  onSignedOut(): void;
}

export function createApi({ base, language, csrf, onSignedOut }: ApiDependencies): Api {
  function url(path: string, query: Query = {}): string {
    const address = new URL(path, base);
    for (const [name, value] of Object.entries({ ...query, lang: language() })) {
      if (value !== undefined && value !== null && value !== '')
        address.searchParams.set(name, String(value));
    }
    return address.href;
  }

  async function call<T>(path: string, query: Query | undefined, init: RequestInit): Promise<T> {
    const response = await fetch(url(path, query), { ...init, credentials: 'same-origin' }).catch((error) => {
      if (init.signal?.aborted) throw error;
      throw new ApiFailure(0, { error: 'network', message: '' });
    });
    const text = await response.text();
    if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
    if (response.status === 401 && path !== 'sign-in') onSignedOut();
    throw new ApiFailure(response.status, refusal(text));
  }

  return {
    url,
    get: (path, query, signal) => call(path, query, signal ? { signal } : {}),
    send: (method, path, body) => {
      const headers: Record<string, string> = { 'X-CSRF-Token': csrf() ?? '' };
      if (body === undefined) return call(path, undefined, { method, headers });
      if (body instanceof FormData) return call(path, undefined, { method, headers, body });
      headers['Content-Type'] = 'application/json';
      return call(path, undefined, { method, headers, body: JSON.stringify(body) });
    },
  };
}

/** A proxy's page of an error is no ApiError: its status has to do. */
function refusal(text: string): Partial<ApiError> & Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** One part of a path: an openid may hold anything. */
export const segment = (text: string) => encodeURIComponent(text);
