import {
  type Span as ApiSpan,
  type Attributes,
  type Context,
  context,
  type Link,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';

/**
 * Traces, by the API of OpenTelemetry alone: whoever runs the service brings the SDK (docs/watch.md). Without one nothing is made,
 * stored or sent. Spans say what happened to which message, never what was said in it or by whom.
 */
export interface Tracing {
  /** A push that WeChat signed; undefined where nobody records it, and then nobody records what follows from it. */
  startPush(push: Push): TraceSpan | undefined;
  /** One statement for what came of several pushes: it is nobody's child, and is linked with each. */
  startGroup(commits: readonly (TraceSpan | undefined)[]): TraceSpan | undefined;
  /** Notes that these were claimed together. */
  noteClaim(claimed: readonly TracedMessage[], startedAt: number): void;
  /** Goes on with the trace of a message for as long as `run` takes; other spans made meanwhile are below this one. */
  work<T>(
    message: TracedMessage | undefined,
    attributes: () => Attributes,
    run: () => Promise<T>,
  ): Promise<T>;
  /** A part of what is recorded just now, if anything is. */
  within<T>(part: Part<T>, run: (span: TraceSpan | undefined) => Promise<T>): Promise<T>;
}

export interface Push {
  appId: string;
  requestId: string;
  type: string;
  event: string | undefined;
  /** By performance.now(). */
  startedAt: number;
  /** Header of that name: a proxy in front may have begun the trace. */
  traceparent: string | undefined;
}

/** As its row has it. */
export interface TracedMessage {
  id: string;
  traceparent?: string | undefined;
}

export interface Part<T> {
  name: string;
  /** `call`: of another service. */
  kind: 'call' | 'internal';
  attributes(): Attributes;
  /** What came of it; `error`: what kind of failure it was, if it was one. */
  conclude(result: T): { attributes?: Attributes; error?: string | undefined };
}

/** A span that is recorded. */
export interface TraceSpan {
  readonly traceparent: string;
  startCommit(): TraceSpan;
  linkWith(other: TraceSpan): void;
  end(attributes?: Attributes, error?: string): void;
}

const system = {
  'messaging.system': 'wechat_outbox',
  'messaging.destination.name': 'wechat.inbound_message',
};

export function createTracing(): Tracing {
  const tracer = trace.getTracer('wechat-outbox');
  return { ...createArrivals(tracer), ...createWork(tracer) };
}

/** From the push to its commit. */
function createArrivals(tracer: Tracer): Pick<Tracing, 'startPush' | 'startGroup'> {
  return {
    startPush({ appId, requestId, type, event, startedAt, traceparent }) {
      const active = context.active();
      const parent = trace.getSpan(active) ? active : contextOf(traceparent);
      const startTime = performance.timeOrigin + startedAt;
      const span = start(tracer, 'POST /wechat/:appId', { kind: SpanKind.SERVER, startTime }, parent);
      span?.setAttributes({
        'http.request.method': 'POST',
        'http.route': '/wechat/:appId',
        'wechat.app_id': appId,
        'wechat.msg_type': type,
        ...(event === undefined ? {} : { 'wechat.event': event }),
        'wechat_outbox.request_id': requestId,
      });
      return span && recorded(tracer, span);
    },

    startGroup(commits) {
      const traced = commits.filter((commit) => commit !== undefined);
      if (traced.length === 0) return undefined;
      const attributes = {
        'db.system.name': 'postgresql',
        'db.collection.name': 'wechat.inbound_message',
        'messaging.batch.message_count': commits.length,
      };
      const options = { kind: SpanKind.CLIENT, root: true, links: linksTo(traced), attributes };
      const span = start(tracer, 'commit group', options, ROOT_CONTEXT);
      const group = span && recorded(tracer, span);
      if (group) for (const commit of traced) commit.linkWith(group);
      return group;
    },
  };
}

/** From the claim on. */
function createWork(tracer: Tracer): Pick<Tracing, 'noteClaim' | 'work' | 'within'> {
  /** Claims by what was claimed. */
  const claims = new WeakMap<TracedMessage, SpanContext>();

  return {
    noteClaim(claimed, startedAt) {
      const traced = claimed.filter(({ traceparent }) => traceparent !== undefined);
      if (traced.length === 0) return;
      const attributes = {
        ...{ ...system, 'messaging.operation.name': 'claim', 'messaging.operation.type': 'receive' },
        'messaging.batch.message_count': claimed.length,
      };
      const startTime = performance.timeOrigin + startedAt;
      const options = { kind: SpanKind.CLIENT, root: true, links: linksTo(traced), startTime, attributes };
      const span = start(tracer, 'claim messages', options, ROOT_CONTEXT);
      span?.end();
      if (span) for (const message of traced) claims.set(message, span.spanContext());
    },

    async work(message, attributes, run) {
      const parent = message && read(message.traceparent);
      if (!parent) return run();
      const claim = claims.get(message);
      const options = { kind: SpanKind.CONSUMER, links: claim ? [{ context: claim }] : [] };
      const above = trace.setSpanContext(ROOT_CONTEXT, parent);
      const span = start(tracer, 'work on message', options, above);
      if (!span) return run();
      span.setAttributes({
        ...{ ...system, 'messaging.operation.name': 'work', 'messaging.operation.type': 'process' },
        'messaging.message.id': message.id,
        ...attributes(),
      });
      return during(span, run, () => ({}));
    },

    async within({ name, kind, attributes, conclude }, run) {
      if (!trace.getActiveSpan()?.isRecording()) return run(undefined);
      const spanKind = kind === 'call' ? SpanKind.CLIENT : SpanKind.INTERNAL;
      const options = { kind: spanKind, attributes: attributes() };
      const span = start(tracer, name, options, context.active());
      return span ? during(span, () => run(recorded(tracer, span)), conclude) : run(undefined);
    },
  };
}

/** @returns undefined where it is not recorded: there is no SDK, or it has chosen not to */
function start(tracer: Tracer, name: string, options: SpanOptions, parent: Context): ApiSpan | undefined {
  const span = tracer.startSpan(name, options, parent);
  return span.isRecording() ? span : undefined;
}

function recorded(tracer: Tracer, span: ApiSpan): TraceSpan {
  return {
    traceparent: write(span.spanContext()),
    startCommit() {
      const attributes = {
        ...system,
        'messaging.operation.name': 'store',
        'messaging.operation.type': 'send',
      };
      const options = { kind: SpanKind.PRODUCER, attributes };
      const parent = trace.setSpan(ROOT_CONTEXT, span);
      return recorded(tracer, tracer.startSpan('store message', options, parent));
    },
    linkWith(other) {
      const linked = read(other.traceparent);
      if (linked) span.addLink({ context: linked });
    },
    end: (attributes, error) => end(span, attributes, error),
  };
}

/** Makes a span active for as long as `run` takes, and ends it with what came of it. */
async function during<T>(span: ApiSpan, run: () => Promise<T>, conclude: Part<T>['conclude']): Promise<T> {
  try {
    const result = await context.with(trace.setSpan(context.active(), span), run);
    const { attributes, error } = conclude(result);
    end(span, attributes, error);
    return result;
  } catch (error) {
    end(span, undefined, error instanceof Error ? error.name : 'unknown');
    throw error;
  }
}

/** For lines of the log: which trace tells more. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return read(traceparent)?.traceId;
}

/** Source: Trace Context of the W3C, 3.2. */
const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

function read(traceparent: string | undefined): SpanContext | undefined {
  if (traceparent === undefined) return undefined;
  const [, traceId, spanId, flags] = form.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}

function write({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-0${traceFlags & 1}`;
}

function contextOf(traceparent: string | undefined): Context {
  const parent = read(traceparent);
  return parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}

function linksTo(traced: readonly { traceparent?: string | undefined }[]): Link[] {
  return traced.flatMap(({ traceparent }) => {
    const linked = read(traceparent);
    return linked ? [{ context: linked }] : [];
  });
}

function end(span: ApiSpan, attributes: Attributes = {}, error?: string): void {
  span.setAttributes(attributes);
  if (error !== undefined) {
    span.setAttribute('error.type', error);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}
