import { appendFile, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createWeb } from '../../src/lib/web.js';
import { createMediaReader, type Lent, type MediaReader } from '../../src/sending/media-reader.js';
import { sample, writeSample } from '../support/files.js';
import { waitFor } from '../support/wait.js';

function create({ budgetBytes = 64 * 1_024 * 1_024 } = {}) {
  let time = 0;
  const web = createWeb({ allowPrivateAddresses: true });
  onTestFinished(() => web.destroy());
  const reader = createMediaReader({ web, now: () => time, budgetBytes });
  return { reader, pass: (ms: number) => (time += ms) };
}

/** What a look found: `read` or `known`, and of what; a file that was read is given back. */
async function look(reader: MediaReader, source: { file: string } | { url: string }) {
  const looked = await reader.look(source, 'image');
  if (looked.kind === 'refused' || looked.kind === 'transient') return { kind: looked.kind, hash: '' };
  if (looked.kind === 'read') looked.giveBack();
  return { kind: looked.kind, hash: looked.kind === 'read' ? looked.file.hash : looked.hash };
}

async function serve(answer: (headers: IncomingHttpHeaders, response: ServerResponse) => void) {
  const asked: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers);
    answer(request.headers, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/picture`, asked };
}

describe('a file', () => {
  test('is read once for as long as it does not change', async () => {
    const { reader } = create();
    const file = await writeSample('once.png', sample('png'));
    const first = await look(reader, { file });
    expect(first.kind).toBe('read');
    expect(await look(reader, { file })).toEqual({ kind: 'known', hash: first.hash });
    await appendFile(file, 'more');
    const second = await look(reader, { file });
    expect(second.kind).toBe('read');
    expect(second.hash).not.toBe(first.hash);
  });

  test('of the same size is another when its time is another', async () => {
    const { reader } = create();
    const file = await writeSample('same-size.png', sample('png', { mark: 'a' }));
    const first = await look(reader, { file });
    await writeFile(file, sample('png', { mark: 'b' }));
    await utimes(file, 1, 1);
    const second = await look(reader, { file });
    expect(second.kind).toBe('read');
    expect(second.hash).not.toBe(first.hash);
  });

  test('is read once by all who want it at once', async () => {
    const { reader } = create();
    const file = await writeSample('shared.png', sample('png'));
    const lent = await Promise.all(Array.from({ length: 50 }, () => reader.look({ file }, 'image')));
    const contents = new Set(lent.map((one) => (one.kind === 'read' ? one.file.content : undefined)));
    expect(contents.size).toBe(1);
    for (const one of lent) if (one.kind === 'read') one.giveBack();
  });

  test('waits until its bytes fit into the budget', async () => {
    const { reader } = create({ budgetBytes: 1_000 });
    const names = ['a', 'b', 'c'];
    const files = await Promise.all(
      names.map((mark) => writeSample(`budget-${mark}.png`, sample('png', { bytes: 400, mark }))),
    );
    const lent: Lent[] = [];
    const reading = files.map(async (file) => {
      const looked = await reader.look({ file }, 'image');
      if (looked.kind === 'read') lent.push(looked);
    });
    await waitFor('two of them', () => lent.length === 2);
    // The third has no place yet, however long it is waited for.
    await look(reader, { file: '/nowhere.png' });
    expect(lent).toHaveLength(2);
    lent[0]?.giveBack();
    await Promise.all(reading);
    expect(lent).toHaveLength(3);
    for (const one of lent) one.giveBack();
  });

  test('larger than the whole budget is read alone', async () => {
    const { reader } = create({ budgetBytes: 100 });
    const file = await writeSample('large.png', sample('png', { bytes: 5_000 }));
    expect((await look(reader, { file })).kind).toBe('read');
  });
});

describe('a URL', () => {
  test('about which its server says nothing is read again after ten minutes', async () => {
    const { reader, pass } = create();
    const { url, asked } = await serve((_headers, response) => response.end(sample('png')));
    const first = await look(reader, { url });
    pass(9 * 60_000);
    expect(await look(reader, { url })).toEqual({ kind: 'known', hash: first.hash });
    expect(asked).toHaveLength(1);
    pass(2 * 60_000);
    expect((await look(reader, { url })).kind).toBe('read');
  });

  test('is not asked for while its answer holds, and read again after that', async () => {
    const { reader, pass } = create();
    const { url, asked } = await serve((_headers, response) =>
      response.setHeader('cache-control', 'public, max-age=60').end(sample('png')),
    );
    await look(reader, { url });
    pass(59_000);
    await look(reader, { url });
    expect(asked).toHaveLength(1);
    pass(2_000);
    await look(reader, { url });
    expect(asked).toHaveLength(2);
  });

  test.each([
    ['ETag', 'etag', 'if-none-match', '"v1"'],
    ['Last-Modified', 'last-modified', 'if-modified-since', 'Thu, 01 Jan 2026 00:00:00 GMT'],
  ])('with %s is asked whether it changed, and read only then', async (_name, header, condition, mark) => {
    const { reader } = create();
    let current = mark;
    const { url, asked } = await serve((headers, response) => {
      response.setHeader(header, current);
      if (headers[condition] === current) response.writeHead(304).end();
      else response.end(sample('png', { mark: current }));
    });
    const first = await look(reader, { url });
    expect(await look(reader, { url })).toEqual({ kind: 'known', hash: first.hash });
    expect(asked[1]?.[condition]).toBe(mark);
    current = current.replace('1', '2');
    const changed = await look(reader, { url });
    expect(changed.kind).toBe('read');
    expect(changed.hash).not.toBe(first.hash);
  });

  test('that may not be kept is read each time', async () => {
    const { reader } = create();
    const { url } = await serve((_headers, response) =>
      response.setHeader('cache-control', 'no-store').end(sample('png')),
    );
    expect((await look(reader, { url })).kind).toBe('read');
    expect((await look(reader, { url })).kind).toBe('read');
  });

  test('is read in any case where its content is wanted, without a condition', async () => {
    const { reader } = create();
    const { url, asked } = await serve((_headers, response) =>
      response.setHeader('etag', '"v1"').end(sample('png')),
    );
    await look(reader, { url });
    const read = await reader.read({ url }, 'image');
    expect(read.kind).toBe('read');
    if (read.kind === 'read') read.giveBack();
    expect(asked.map((headers) => headers['if-none-match'])).toEqual([undefined, undefined]);
  });

  test('in trouble is tried again, and one that is gone is not', async () => {
    const { reader } = create();
    const { url: busy } = await serve((_headers, response) => response.writeHead(503).end());
    const { url: gone } = await serve((_headers, response) => response.writeHead(404).end());
    expect((await look(reader, { url: busy })).kind).toBe('transient');
    expect((await look(reader, { url: gone })).kind).toBe('refused');
  });
});
