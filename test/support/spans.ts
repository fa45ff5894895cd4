import { context, propagation, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { onTestFinished } from 'vitest';
import { waitFor } from './wait.js';

export interface Spans {
  readonly all: readonly ReadableSpan[];
  named(name: string): ReadableSpan[];
  /** The first so many of this name, once there are that many. */
  wait(name: string, count?: number): Promise<ReadableSpan[]>;
}

/** Brings the SDK, as a user does, until the test ends. Files share a process: nothing of it stays. */
export function recordSpans(sampler?: Sampler): Spans {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({
    ...(sampler && { sampler }),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  provider.register();
  onTestFinished(async () => {
    trace.disable();
    context.disable();
    propagation.disable();
    await provider.shutdown();
  });
  const named = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name);
  return {
    get all() {
      return exporter.getFinishedSpans();
    },
    named,
    wait: (name, count = 1) =>
      waitFor(`${count} spans ${name}`, () => {
        const found = named(name);
        return found.length >= count && found;
      }),
  };
}
