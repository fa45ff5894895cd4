import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { AlwaysOffSampler, type ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { describe, expect, test } from 'vitest';
import { createTracing } from '../../src/observe/tracing.js';
import { secret, startBackEnd } from '../support/back-end.js';
import { recordSpans } from '../support/spans.js';
import { type Stage, setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';
import { startWorkerProcess } from '../support/worker-process.js';

const names = {
  push: 'POST /wechat/:appId',
  store: 'store message',
  group: 'commit group',
  claim: 'claim messages',
  work: 'work on message',
  logic: 'reply logic',
  attempt: 'POST /cgi-bin/message/custom/send',
} as const;

const example = new URL('../../docs/examples/tracing/tracing.mjs', import.meta.url).pathname;

const traceOf = (span: ReadableSpan | undefined) => span?.spanContext().traceId;
const idOf = (span: ReadableSpan | undefined) => span?.spanContext().spanId;
const parentOf = (span: ReadableSpan | undefined) => span?.parentSpanContext?.spanId;
const linksOf = (span: ReadableSpan | undefined) => span?.links.map(({ context }) => context.spanId) ?? [];

async function storedTraces({ database }: Stage): Promise<(string | null)[]> {
  const rows = await database.rows<{ traceparent: string | null }>(
    'select traceparent from wechat.inbound_message order by id',
  );
  return rows.map(({ traceparent }) => traceparent);
}

describe('with an SDK', () => {
  test('one trace leads from the push over its commit, the work and the reply logic to the attempt', async () => {
    const spans = recordSpans();
    const stage = await setStage();
    const { simulator, database, start, account } = stage;
    const { logged } = await start({ replies: () => 'an answer' });
    await simulator.user('oTraced').say('a question');
    await settled(database, 1);
    const [work] = await spans.wait(names.work);
    const [push] = spans.named(names.push);
    const [store] = spans.named(names.store);
    const [logic] = spans.named(names.logic);
    const [attempt] = spans.named(names.attempt);
    const trace = traceOf(push);
    expect(parentOf(push)).toBeUndefined();
    for (const [span, parent] of [
      [store, push],
      [work, store],
      [logic, work],
      [attempt, work],
    ])
      expect([traceOf(span), parentOf(span)]).toEqual([trace, idOf(parent)]);
    expect([push, store, work, logic, attempt].map((span) => span?.kind)).toEqual([
      SpanKind.SERVER,
      SpanKind.PRODUCER,
      SpanKind.CONSUMER,
      SpanKind.INTERNAL,
      SpanKind.CLIENT,
    ]);
    // What is done for many at once is a trace of its own, linked both ways.
    const [group] = spans.named(names.group);
    const [claim] = spans.named(names.claim);
    expect(traceOf(group)).not.toBe(trace);
    expect([linksOf(group), linksOf(store)]).toEqual([[idOf(store)], [idOf(group)]]);
    expect([linksOf(claim), linksOf(work)]).toEqual([[idOf(store)], [idOf(claim)]]);
    expect(await storedTraces(stage)).toEqual([`00-${trace}-${idOf(store)}-01`]);
    const [row] = await database.rows<{ id: string }>('select id from wechat.inbound_message');
    expect(push?.attributes).toMatchObject({
      'http.response.status_code': 200,
      'wechat.app_id': account.appId,
      'wechat.msg_type': 'text',
      'wechat_outbox.result': 'stored',
    });
    expect(work?.attributes).toMatchObject({ 'messaging.message.id': row?.id, 'wechat_outbox.failures': 0 });
    expect(attempt?.attributes).toMatchObject({
      'wechat_outbox.outcome': 'sent',
      'http.response.status_code': 200,
    });
    for (const event of ['push', 'attempt'])
      expect(logged.filter((line) => line.event === event)).toMatchObject([{ trace_id: trace }]);
  });

  test('no span tells who wrote, or what was said', async () => {
    const spans = recordSpans();
    const { simulator, database, start } = await setStage();
    await start({
      replies: ({ message }) => {
        if (message.kind === 'text' && message.content === 'SECRET-fails') throw new Error('SECRET-error');
        return 'SECRET-answer';
      },
    });
    simulator.faults.add({ fault: { errcode: 40003, errmsg: 'SECRET-errmsg' } });
    await simulator.user('oSECRET-user').say('SECRET-question');
    await simulator.user('oSECRET-other').say('SECRET-fails');
    await waitFor('both', async () => {
      const rows = await database.rows('select from wechat.inbound_message where settled_at is not null');
      return rows.length === 2;
    });
    await spans.wait(names.attempt);
    const told = spans.all.map(({ name, attributes, events, status }) => ({
      name,
      attributes,
      events,
      status,
    }));
    expect(JSON.stringify(told)).not.toContain('SECRET');
    expect(spans.named(names.logic).find(({ status }) => status.code === SpanStatusCode.ERROR)).toMatchObject(
      {
        attributes: { 'error.type': 'error' },
      },
    );
  });

  test('every run of a message is in its trace: after a failure, and when it is requeued', async () => {
    const spans = recordSpans();
    const stage = await setStage();
    const { simulator, database, start } = stage;
    let runs = 0;
    await start({
      replies: () => {
        runs += 1;
        if (runs === 1) throw new Error('not yet');
        return 'an answer';
      },
    });
    simulator.faults.add({ fault: { errcode: 40003 } });
    await simulator.user('oAgain').say('hello');
    await settled(database, 1);
    const [row] = await database.rows<{ requeued: string }>(
      'select wechat.requeue(id) as requeued from wechat.delivery',
    );
    expect(row?.requeued).toBe('requeued');
    await waitFor('the answer', () => simulator.inboxOf('oAgain').length === 1);
    const works = await spans.wait(names.work, 3);
    const [store] = spans.named(names.store);
    for (const work of works) expect([traceOf(work), parentOf(work)]).toEqual([traceOf(store), idOf(store)]);
    const told = works.map(({ attributes }) => [
      attributes['wechat_outbox.failures'],
      attributes['wechat_outbox.is_planned'],
    ]);
    expect(told).toEqual([
      [0, false],
      [1, false],
      [0, true],
    ]);
    const attempts = spans.named(names.attempt);
    expect(attempts.map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.UNSET]);
    expect(attempts[0]?.attributes).toMatchObject({ 'wechat.errcode': 40003, 'error.type': 'refused' });
  });

  test('a group that is stored by one statement is linked with each of its pushes', async () => {
    const spans = recordSpans();
    const tracing = createTracing();
    const pushes = [1, 2].map((n) =>
      tracing.startPush({
        ...{ appId: 'wx1', requestId: `r${n}`, type: 'text', event: undefined, startedAt: 0 },
        traceparent: undefined,
      }),
    );
    const commits = pushes.map((push) => push?.startCommit());
    tracing.startGroup([...commits, undefined])?.end();
    for (const span of [...commits, ...pushes]) span?.end();
    const [group] = spans.named(names.group);
    expect(linksOf(group)).toEqual(spans.named(names.store).map(idOf));
    expect(group?.attributes).toMatchObject({ 'messaging.batch.message_count': 3 });
    expect(new Set(spans.named(names.push).map(traceOf)).size).toBe(2);
  });

  test('a proxy in front may have begun the trace', async () => {
    const spans = recordSpans();
    const tracing = createTracing();
    const begin = (traceparent: string) =>
      tracing.startPush({
        ...{ appId: 'wx1', requestId: 'r', type: 'text', event: undefined, startedAt: performance.now() },
        traceparent,
      });
    const ids = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'] as const;
    begin(`00-${ids.join('-')}-01`)?.end();
    begin('nonsense')?.end();
    // By the one in front, this one is not to be recorded.
    expect(begin(`00-${ids.join('-')}-00`)).toBeUndefined();
    const [first, second] = spans.named(names.push);
    expect([traceOf(first), parentOf(first)]).toEqual(ids);
    expect(parentOf(second)).toBeUndefined();
  });

  test('a back end is asked below the reply logic, and told so by traceparent', async () => {
    const spans = recordSpans();
    const { simulator, database, start } = await setStage();
    const backEnd = await startBackEnd(() => ({ status: 200, json: 'an answer' }));
    await start({
      repliesOfSettings: true,
      settings: { REPLIES: backEnd.url, REPLIES_HTTP_SECRET: secret, REPLIES_HTTP_PRIVATE: 'true' },
    });
    await simulator.user('oBackEnd').say('hello');
    await settled(database, 1);
    const [call] = await spans.wait('POST');
    const [logic] = await spans.wait(names.logic);
    expect(parentOf(call)).toBe(idOf(logic));
    expect(call?.attributes).toEqual({
      'http.request.method': 'POST',
      'url.full': backEnd.url,
      'http.response.status_code': 200,
    });
    expect(backEnd.requests[0]?.headers.traceparent).toBe(`00-${traceOf(call)}-${idOf(call)}-01`);
  });

  test('what is not sampled leaves nothing behind', async () => {
    const spans = recordSpans(new AlwaysOffSampler());
    const stage = await setStage();
    await stage.start({ replies: () => 'an answer' });
    await stage.simulator.user('oUnsampled').say('hello');
    await settled(stage.database, 1);
    expect(await storedTraces(stage)).toEqual([null]);
    expect(spans.all).toEqual([]);
  });

  test('the trace goes with a user who is forgotten', async () => {
    recordSpans();
    const stage = await setStage();
    const { simulator, database, start, account } = stage;
    await start({ replies: () => 'an answer' });
    await simulator.user('oForgotten').say('hello');
    await settled(database, 1);
    expect(await storedTraces(stage)).not.toEqual([null]);
    await waitFor('to be forgotten', async () => {
      const [row] = await database.rows<{ in_hand: number }>('select in_hand from wechat.forget($1, $2)', [
        account.appId,
        'oForgotten',
      ]);
      return row?.in_hand === 0;
    });
    expect(await storedTraces(stage)).toEqual([null]);
  });
});

describe('over several processes', () => {
  const settings = { NODE_OPTIONS: `--import ${example}`, RESCUE_AFTER: '2' };

  test('the worker goes on where the ingress stored, with the example of the documents', async () => {
    const spans = recordSpans();
    const stage = await setStage();
    await stage.start({ role: 'ingress' });
    const worker = await startWorkerProcess(stage, { settings });
    await stage.simulator.user('oFar').say('hello');
    await settled(stage.database, 1);
    const [store] = await spans.wait(names.store);
    const told = await waitFor('the spans of the worker', () => {
      const text = worker.lines.join('\n');
      return text.includes(`name: '${names.work}'`) && text.includes(`name: '${names.attempt}'`) && text;
    });
    const traces = told.split(/^\{$/m).filter((span) => span.includes(`traceId: '${traceOf(store)}'`));
    expect(traces.flatMap((span) => /^ {2}name: '(.*)'/m.exec(span)?.[1] ?? [])).toEqual(
      expect.arrayContaining([names.work, names.logic, names.attempt]),
    );
    const work = traces.find((span) => span.includes(`name: '${names.work}'`));
    expect(work).toContain(idOf(store));
  }, 60_000);

  test('what a worker did not end when it was killed is run again in the same trace', async () => {
    const spans = recordSpans();
    const stage = await setStage();
    const { simulator, database, start } = stage;
    await start({ role: 'ingress' });
    const worker = await startWorkerProcess(stage, {
      settings,
      replies: `export const replies = () => { console.log('{"event":"runs"}'); return new Promise(() => undefined); };`,
    });
    await simulator.user('oCrash').say('hello');
    await worker.event('runs');
    worker.child.kill('SIGKILL');
    await worker.exited;
    await start({ role: 'worker', settings: { RESCUE_AFTER: '2' }, replies: () => 'an answer' });
    await settled(database, 1);
    const [work] = await spans.wait(names.work);
    const [store] = spans.named(names.store);
    expect([traceOf(work), parentOf(work)]).toEqual([traceOf(store), idOf(store)]);
    expect(work?.attributes).toMatchObject({ 'wechat_outbox.crashes': 1 });
  }, 60_000);
});

test('without an SDK nothing is stored, and no line names a trace', async () => {
  const stage = await setStage();
  const { logged } = await stage.start({ replies: () => 'an answer' });
  await stage.simulator.user('oPlain').say('hello');
  await settled(stage.database, 1);
  expect(await storedTraces(stage)).toEqual([null]);
  expect(logged.filter((line) => 'trace_id' in line)).toEqual([]);
});
