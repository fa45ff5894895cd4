import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { dynamicTool, type JSONSchema7, jsonSchema, type ModelMessage, streamText, type ToolSet } from 'ai';
import type { JsonValue } from '../router.js';
import type { ModelSettings } from './schema.js';
import { storableAnswer, storableText, storableTokens, type ToolCall } from './storable.js';
import { estimateTokens } from './tokens.js';
import { ModelTrouble, troubleOf } from './trouble.js';

/** Types, not interfaces: they are stored as JSON. */
export type Usage = { promptTokens: number; completionTokens: number; isEstimate: boolean };

/** What the model wrote, once it was done, in a form that can be stored. */
export type Completion = { text: string; toolCalls: readonly ToolCall[]; finishReason: string; usage: Usage };

export interface ModelRequest {
  system: string | undefined;
  messages: readonly ModelMessage[];
  /** Default: those of the settings. */
  maxOutputTokens?: number | undefined;
  withTools: boolean;
}

export interface CallLimits {
  /** When the whole answer must be there, by `clock`. */
  until: Date;
  /** Of the run: its time is up, or the process must stop. */
  signal: AbortSignal;
}

export type CallModel = (request: ModelRequest, limits: CallLimits) => Promise<Completion>;

/**
 * One call of a model, read to its end: nothing of it is shown before.
 *
 * @throws ModelTrouble
 */
export function createCallModel(
  settings: ModelSettings,
  { fetch, clock }: { fetch: typeof globalThis.fetch; clock: () => Date },
): CallModel {
  const provider = createOpenAICompatible({
    name: 'model',
    baseURL: settings.baseUrl,
    ...(settings.apiKey === undefined ? {} : { apiKey: settings.apiKey }),
    includeUsage: true,
    fetch,
  });
  const model = provider.chatModel(settings.model);
  const tools = toolSetOf(settings);

  return async (request, { until, signal }) => {
    const limit = createLimit({
      totalMs: until.getTime() - clock().getTime(),
      stallMs: settings.stallTimeout,
      signal,
    });
    try {
      const { fullStream } = streamText({
        model,
        ...(request.system === undefined ? {} : { system: request.system }),
        messages: [...request.messages],
        ...(settings.temperature === undefined ? {} : { temperature: settings.temperature }),
        ...maxOf(request.maxOutputTokens ?? settings.maxOutputTokens),
        ...(request.withTools && settings.tools.length > 0 ? { tools } : {}),
        // Whoever holds the message knows when to try again.
        maxRetries: 0,
        abortSignal: limit.signal,
        onError: () => undefined,
      });
      return await read(fullStream, request, limit);
    } catch (error) {
      throw limit.trouble() ?? troubleOf(error, clock());
    } finally {
      limit.end();
    }
  };
}

type Parts = ReturnType<typeof streamText<ToolSet>>['fullStream'];

async function read(parts: Parts, request: ModelRequest, limit: Limit): Promise<Completion> {
  let text = '';
  const toolCalls: ToolCall[] = [];
  for await (const part of parts) {
    limit.goesOn();
    switch (part.type) {
      case 'text-delta':
        text += part.text;
        break;
      case 'tool-call':
        toolCalls.push({
          id: part.toolCallId,
          name: part.toolName,
          input: (part.input ?? {}) as JsonValue,
          problem: part.invalid ? String((part.error as Error | undefined)?.message ?? 'invalid') : null,
        });
        break;
      case 'error':
        throw part.error;
      case 'abort':
        throw limit.trouble() ?? new ModelTrouble('broken', 'the call was broken off');
      case 'finish':
        return {
          ...storableAnswer(text, toolCalls),
          finishReason: storableText(part.rawFinishReason ?? part.finishReason, maxReasonLength),
          usage: usageOf(part.totalUsage, request, text),
        };
    }
  }
  throw new ModelTrouble('broken', 'the stream ended in the middle');
}

const maxReasonLength = 100;

/** Some servers do not say how many tokens there were, or what cannot be. */
function usageOf(
  given: { inputTokens: number | undefined; outputTokens: number | undefined },
  { system = '', messages }: ModelRequest,
  text: string,
): Usage {
  const inputTokens = storableTokens(given.inputTokens);
  const outputTokens = storableTokens(given.outputTokens);
  if (inputTokens !== undefined && outputTokens !== undefined)
    return { promptTokens: inputTokens, completionTokens: outputTokens, isEstimate: false };
  const prompt = estimateTokens(system) + estimateTokens(JSON.stringify(messages));
  return { promptTokens: prompt, completionTokens: estimateTokens(text), isEstimate: true };
}

/** Without a way to run them: that is ours to do, once for a message. */
function toolSetOf({ tools }: ModelSettings): ToolSet {
  return Object.fromEntries(
    tools.map(({ name, description, parameters }) => {
      const { execute: _, ...declared } = dynamicTool({
        description,
        inputSchema: jsonSchema(parameters as JSONSchema7),
        execute: () => Promise.reject(new Error('is called elsewhere')),
      });
      return [name, declared];
    }),
  ) as ToolSet;
}

function maxOf(maxOutputTokens: number | undefined) {
  return maxOutputTokens === undefined ? {} : { maxOutputTokens };
}

interface Limit {
  signal: AbortSignal;
  /** Something came: it does not stall. */
  goesOn(): void;
  /** Why it was broken off, if it was. */
  trouble(): ModelTrouble | undefined;
  end(): void;
}

function createLimit({
  totalMs,
  stallMs,
  signal,
}: {
  totalMs: number;
  stallMs: number;
  signal: AbortSignal;
}): Limit {
  const controller = new AbortController();
  let trouble: ModelTrouble | undefined;
  const breakOff = (kind: 'timeout' | 'stalled' | 'stopped', problem: string) => {
    trouble ??= new ModelTrouble(kind, problem);
    controller.abort(trouble);
  };
  const onStop = () => {
    const isTime = signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
    breakOff(isTime ? 'timeout' : 'stopped', isTime ? 'the time limit was over' : 'the process had to stop');
  };
  const total = setTimeout(
    () => breakOff('timeout', `the model took longer than ${Math.max(0, totalMs)} ms`),
    Math.max(0, totalMs),
  );
  const stall = setTimeout(() => breakOff('stalled', `nothing came for ${stallMs} ms`), stallMs);
  if (signal.aborted) onStop();
  else signal.addEventListener('abort', onStop, { once: true });
  return {
    signal: controller.signal,
    goesOn: () => stall.refresh(),
    trouble: () => trouble,
    end() {
      clearTimeout(total);
      clearTimeout(stall);
      signal.removeEventListener('abort', onStop);
    },
  };
}
