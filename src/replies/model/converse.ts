import type { ModelMessage } from 'ai';
import type { ReplyContext } from '../router.js';
import { SourceError } from '../source.js';
import type { CallModel, Completion, ModelRequest } from './call.js';
import type { CallRecords, CallSubject } from './records.js';
import type { ToolCall } from './storable.js';
import type { ToolSubject } from './tools.js';
import { ModelTrouble } from './trouble.js';

/** What one message's calls of the model need. */
export interface CallDependencies {
  callModel: CallModel;
  records: CallRecords;
}

/** A step of tools is a call of the model and one of each tool; whoever still asks then gets no more. */
const maxSteps = 6;

/**
 * One call of the model that completes once for this message: its result is stored (`context.once`), with the id of its row on record.
 * The row is closed after that, so that no call is on record as completed whose result could be lost; and closed again, to no effect,
 * when the reply logic is started again.
 */
export async function callOnce(
  context: ReplyContext,
  { callModel, records }: CallDependencies,
  { subject, request, until }: { subject: CallSubject; request: ModelRequest; until: Date },
): Promise<Completion> {
  const stored = await context.once(`model:${subject.purpose}:${subject.step}`, async () => {
    const recordId = await records.begin(subject);
    try {
      return { recordId, completion: await callModel(request, { until, signal: context.signal }) };
    } catch (error) {
      const outcome = error instanceof ModelTrouble ? error.kind : 'broken';
      await records.end(recordId, { outcome, error: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  });
  const { recordId, completion } = stored;
  const { finishReason, usage } = completion;
  await records.end(recordId, { outcome: 'completed', finishReason, usage });
  return completion;
}

export interface Conversation {
  system: string | undefined;
  messages: readonly ModelMessage[];
}

export type RunTool = (call: ToolCall, subject: ToolSubject, signal: AbortSignal) => Promise<string>;

/**
 * Asks the model for its answer, runs the tools that it asks for, and asks again. Each call and each tool is done once for a message.
 *
 * @returns Markdown
 * @throws ModelTrouble
 */
export async function converse(
  context: ReplyContext,
  dependencies: CallDependencies & { runTool: RunTool },
  { system, messages, until }: Conversation & { until: Date },
): Promise<string> {
  const { messageId } = context;
  const of = { messageId, appId: context.account.appId, openid: context.message.openid };
  const said: ModelMessage[] = [...messages];
  for (let step = 1; step <= maxSteps; step += 1) {
    const { text, toolCalls } = await callOnce(context, dependencies, {
      subject: { ...of, purpose: 'answer', step },
      request: { system, messages: said, withTools: step < maxSteps },
      until,
    });
    if (toolCalls.length === 0) return text;
    const results = await Promise.all(
      toolCalls.map((call, index) =>
        context.once(`model:tool:${step}:${index + 1}`, () => dependencies.runTool(call, of, context.signal)),
      ),
    );
    said.push(askedFor(text, toolCalls), resultsOf(toolCalls, results));
  }
  throw new SourceError(`the model asks for tools again and again, ${maxSteps} times`, 'never');
}

function askedFor(text: string, toolCalls: readonly ToolCall[]): ModelMessage {
  return {
    role: 'assistant',
    content: [
      ...(text === '' ? [] : [{ type: 'text' as const, text }]),
      ...toolCalls.map(({ id, name, input }) => ({
        ...{ type: 'tool-call' as const, toolCallId: id, toolName: name, input },
      })),
    ],
  };
}

function resultsOf(toolCalls: readonly ToolCall[], results: readonly string[]): ModelMessage {
  return {
    role: 'tool',
    content: toolCalls.map(({ id, name }, index) => ({
      type: 'tool-result',
      toolCallId: id,
      toolName: name,
      output: { type: 'text', value: results[index] ?? '' },
    })),
  };
}
