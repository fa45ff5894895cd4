import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createClient } from '../../src/wechat/out/client.js';
import { needsFilm, uploadOf, uploads } from './media.js';
import { targets } from './targets.js';

/** What the upload of a file is on the wire. */
async function bytesOf(upload: (typeof uploads)[number]) {
  const seen: { url: string; headers: Record<string, unknown>; body: Buffer }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    seen.push({ url: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) });
    response.end('{"type":"image","media_id":"M","created_at":1}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const client = createClient({ apiBase: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  onTestFinished(() => client.destroy());
  expect(await client.uploadMedia('T', upload)).toEqual({ kind: 'uploaded', mediaId: 'M' });
  const [request] = seen;
  if (!request) throw new Error('Nothing came');
  return request;
}

test.each(uploads)(
  'the form of an upload has its length, and a file name with suffix: $filename',
  async (upload) => {
    const { url, headers, body } = await bytesOf(upload);
    expect(url).toBe(`/cgi-bin/media/upload?access_token=T&type=${upload.type}`);
    // Without it, or in chunks, WeChat answers 41005: no file.
    expect(Number(headers['content-length'])).toBe(body.length);
    expect(headers).not.toHaveProperty('transfer-encoding');
    const [, boundary] = /^multipart\/form-data; boundary=(\S+)$/.exec(String(headers['content-type'])) ?? [];
    const head = [
      `--${boundary}`,
      `Content-Disposition: form-data; name="media"; filename="${upload.filename}"`,
      `Content-Type: ${upload.contentType}`,
      '',
      '',
    ].join('\r\n');
    expect(body.subarray(0, head.length).toString()).toBe(head);
    expect(body.subarray(head.length, head.length + upload.content.length).equals(upload.content)).toBe(true);
    expect(
      body
        .subarray(head.length + upload.content.length)
        .toString()
        .trim(),
    ).toBe(`--${boundary}--`);
  },
);

describe.each(targets)('a file at the $name', ({ name, setUp }) => {
  test.each(uploads)('$type is taken', async (upload) => {
    if (name === 'sandbox' && needsFilm(upload.type)) return;
    const { client, token } = await setUp();
    expect(await client.uploadMedia(token, upload)).toMatchObject({
      kind: 'uploaded',
      mediaId: expect.stringMatching(/^[\w-]{16,}$/),
    });
  });

  test('comes back as it was', async () => {
    const { client, token } = await setUp();
    const uploaded = await client.uploadMedia(token, uploadOf('image'));
    if (uploaded.kind !== 'uploaded') throw new Error(uploaded.errmsg);
    const file = await client.downloadMedia(token, uploaded.mediaId);
    if (file.kind !== 'file') throw new Error(file.kind);
    expect(file.contentType).toMatch(/^image\//);
    // WeChat may write a picture anew.
    expect(Buffer.concat(await file.body.toArray()).length).toBeGreaterThan(0);
  });

  test.each([
    ['of a format that its type has not', { ...uploadOf('voice'), type: 'image' as const }],
    ['that is empty', { ...uploadOf('image'), content: Buffer.alloc(0) }],
    [
      'that is too large',
      { ...uploadOf('thumb'), content: Buffer.concat([uploadOf('thumb').content, Buffer.alloc(70_000)]) },
    ],
  ])('%s is refused for good, and the account with no word', async (_name, upload) => {
    const { client, token } = await setUp();
    expect(await client.uploadMedia(token, upload)).toMatchObject({
      kind: 'refused',
      errorClass: expect.stringMatching(/^(permanent|media)$/),
    });
  });
});
