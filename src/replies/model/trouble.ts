import { APICallError, JSONParseError, TypeValidationError } from 'ai';
import { describeError } from '../../lib/describe-error.js';

/** The ways in which a call of the model ends without an answer; the words of model_call.outcome. */
export type TroubleKind =
  | 'timeout'
  | 'stalled'
  | 'broken'
  | 'rate_limited'
  | 'unavailable'
  | 'refused'
  | 'nonsense'
  | 'stopped';

export class ModelTrouble extends Error {
  readonly code = 'MODEL';
  constructor(
    readonly kind: TroubleKind,
    problem: string,
    /** Of 429: when the server wants to be asked again; undefined where it does not say. */
    readonly retryAt?: Date | undefined,
  ) {
    super(problem);
    this.name = 'ModelTrouble';
  }
}

/** What the server, the SDK or the network threw, as trouble of a kind. */
export function troubleOf(error: unknown, now: Date): ModelTrouble {
  if (error instanceof ModelTrouble) return error;
  if (APICallError.isInstance(error)) {
    const { statusCode, responseHeaders } = error;
    if (statusCode === undefined)
      return causeOf(error, now) ?? new ModelTrouble('unavailable', describeError(error));
    // A 200 that could not be read to its end.
    if (statusCode < 400) return troubleOf(error.cause, now);
    const problem = `HTTP ${statusCode}: ${error.message}`;
    if (statusCode === 429)
      return new ModelTrouble('rate_limited', problem, retryAtOf(responseHeaders?.['retry-after'], now));
    const passes = statusCode >= 500 || statusCode === 408 || statusCode === 409;
    return new ModelTrouble(
      passes ? 'unavailable' : 'refused',
      passes ? problem : inWords(statusCode, error.message),
    );
  }
  if (JSONParseError.isInstance(error) || TypeValidationError.isInstance(error))
    return new ModelTrouble('nonsense', 'the response is not one of an OpenAI-compatible server');
  return new ModelTrouble('broken', `the stream broke off: ${describeMessage(error)}`);
}

/** The SDK wraps what our own fetch threw. */
function causeOf(error: Error, now: Date): ModelTrouble | undefined {
  const { cause } = error;
  return cause instanceof ModelTrouble ? troubleOf(cause, now) : undefined;
}

/** Errors inside of a stream are plain objects. */
function describeMessage(error: unknown): string {
  if (error instanceof Error) return describeError(error);
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return String(error);
}

const hints: ReadonlyMap<number, string> = new Map([
  [401, 'it does not take the key: look at apiKey'],
  [402, 'its account has no money left'],
  [403, 'the key may not use this model'],
  [404, 'it has no such model, or nothing at this address: look at baseUrl and model'],
]);

/** For an operator, who can do something about it. */
function inWords(statusCode: number, message: string): string {
  const hint = hints.get(statusCode);
  return `the model's server refused (HTTP ${statusCode}): ${hint ? `${hint} (${message})` : message}`;
}

/** Seconds or a date; nothing where it is neither. */
function retryAtOf(header: string | undefined, now: Date): Date | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return new Date(now.getTime() + Number(header) * 1_000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : new Date(Math.max(at, now.getTime()));
}
