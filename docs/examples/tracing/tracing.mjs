// Traces of wechat-outbox, by the SDK of OpenTelemetry:
//
//   npm install @opentelemetry/sdk-trace-node @opentelemetry/exporter-trace-otlp-http
//   OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 NODE_OPTIONS='--import ./tracing.mjs' wechat-outbox start
//
// Without OTEL_EXPORTER_OTLP_ENDPOINT, spans are written to standard output, to be looked at.
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  NodeTracerProvider,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node';

async function createExporter() {
  if (!process.env.OTEL_EXPORTER_OTLP_ENDPOINT) return new ConsoleSpanExporter();
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  return new OTLPTraceExporter();
}

const provider = new NodeTracerProvider({
  // One push in so many is recorded, with all that follows from it, in whatever process.
  sampler: new ParentBasedSampler({
    root: new TraceIdRatioBasedSampler(Number(process.env.TRACE_SHARE ?? 1)),
  }),
  spanProcessors: [new BatchSpanProcessor(await createExporter(), { scheduledDelayMillis: 1_000 })],
});
provider.register();

// What is recorded by now leaves while the service stops in good order.
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void provider.forceFlush());
