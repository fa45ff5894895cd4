import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { fileTypeFromBuffer } from 'file-type';
import { discard, type Web } from '../lib/web.js';
import type { MediaSource, MediaType } from '../wechat/out/reply.js';

/** A file as it is uploaded. */
export interface MediaFile {
  content: Buffer;
  /** SHA-256, in hex. */
  hash: string;
  contentType: string;
  filename: string;
}

export type ReadResult =
  | { kind: 'read'; file: MediaFile }
  /** It will never do: missing, of the wrong type, too large, not allowed. */
  | { kind: 'refused'; problem: string }
  | { kind: 'transient'; problem: string };

interface Limit {
  maxBytes: number;
  extensions: readonly string[];
}

const kilobyte = 1_024;
const megabyte = 1_024 * kilobyte;

/** What WeChat takes. Source: the page of media/upload. */
const limits: Readonly<Record<MediaType, Limit>> = {
  image: { maxBytes: 10 * megabyte, extensions: ['bmp', 'png', 'jpg', 'gif'] },
  voice: { maxBytes: 2 * megabyte, extensions: ['amr', 'mp3'] },
  video: { maxBytes: 10 * megabyte, extensions: ['mp4'] },
  thumb: { maxBytes: 64 * kilobyte, extensions: ['jpg'] },
};

/** Reads what the reply logic named, and checks it as WeChat would: by its content, not its name. Never throws. */
export async function readMedia(source: MediaSource, type: MediaType, web: Web): Promise<ReadResult> {
  const { maxBytes, extensions } = limits[type];
  const read =
    'file' in source ? await readFile(source.file, maxBytes) : await readUrl(source.url, maxBytes, web);
  if (read.kind !== 'content') return read;
  const { content } = read;
  const detected = await fileTypeFromBuffer(content);
  if (!detected || !extensions.includes(detected.ext)) {
    const found = detected ? detected.ext : 'no known format';
    return { kind: 'refused', problem: `it is ${found}, but ${type} takes ${extensions.join(', ')}` };
  }
  const hash = createHash('sha256').update(content).digest('hex');
  // Named by its content: WeChat goes by the extension, and users never see the name.
  const filename = `${hash.slice(0, 16)}.${detected.ext}`;
  return { kind: 'read', file: { content, hash, contentType: detected.mime, filename } };
}

type Content = { kind: 'content'; content: Buffer } | Exclude<ReadResult, { kind: 'read' }>;

async function readFile(name: string, maxBytes: number): Promise<Content> {
  const file = path.resolve(name);
  try {
    const handle = await open(file);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) return { kind: 'refused', problem: `${file} is not a file` };
      if (stats.size > maxBytes) return tooLarge(maxBytes);
      return { kind: 'content', content: await handle.readFile() };
    } finally {
      await handle.close();
    }
  } catch (error) {
    return { kind: 'refused', problem: error instanceof Error ? error.message : String(error) };
  }
}

async function readUrl(url: string, maxBytes: number, web: Web): Promise<Content> {
  const outcome = await web.open(url, AbortSignal.timeout(30_000));
  if (outcome.kind !== 'opened') return { kind: outcome.kind, problem: `${url}: ${outcome.problem}` };
  if ((outcome.length ?? 0) > maxBytes) {
    discard(outcome.body);
    return tooLarge(maxBytes);
  }
  return readBody(outcome.body, url, maxBytes);
}

async function readBody(body: Readable, url: string, maxBytes: number): Promise<Content> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      // Leaving the loop destroys the body.
      if (bytes > maxBytes) return tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    return { kind: 'transient', problem: `${url}: ${error instanceof Error ? error.message : error}` };
  }
  return { kind: 'content', content: Buffer.concat(chunks) };
}

function tooLarge(maxBytes: number): Content {
  return { kind: 'refused', problem: `it is larger than ${maxBytes} bytes` };
}
