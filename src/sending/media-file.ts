import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { fileTypeFromBuffer } from 'file-type';
import { describeError } from '../lib/describe-error.js';
import { discard, type WebOutcome } from '../lib/web.js';
import type { MediaType } from '../wechat/out/reply.js';

/** A file as it is uploaded. */
export interface MediaFile {
  content: Buffer;
  /** SHA-256, in hex. */
  hash: string;
  contentType: string;
  filename: string;
}

/** Why there is no file. */
export type NoFile =
  /** It will never do: missing, of the wrong type, too large, not allowed. */
  { kind: 'refused'; problem: string } | { kind: 'transient'; problem: string };

export type Content = { kind: 'content'; content: Buffer } | NoFile;

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

export const maxBytesOf = (type: MediaType): number => limits[type].maxBytes;

/** Checks what was read as WeChat would: by its content, not its name. */
export async function checkMedia(
  content: Buffer,
  type: MediaType,
): Promise<{ kind: 'read'; file: MediaFile } | NoFile> {
  const { extensions } = limits[type];
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

/** What tells a file from another under the same name, without reading it. */
export interface FileStamp {
  mtimeMs: number;
  bytes: number;
  inode: number;
}

/** Refused too where it is no file, or larger than the type takes. */
export async function stampOf(
  name: string,
  type: MediaType,
): Promise<{ kind: 'file'; stamp: FileStamp } | NoFile> {
  const file = path.resolve(name);
  try {
    const stats = await stat(file);
    if (!stats.isFile()) return { kind: 'refused', problem: `${file} is not a file` };
    if (stats.size > limits[type].maxBytes) return tooLarge(type);
    return { kind: 'file', stamp: { mtimeMs: stats.mtimeMs, bytes: stats.size, inode: stats.ino } };
  } catch (error) {
    return { kind: 'refused', problem: describeError(error) };
  }
}

/** Reads a file that has just been found; it may have grown since. */
export async function readFile(name: string, type: MediaType): Promise<Content> {
  const { maxBytes } = limits[type];
  try {
    const handle = await open(path.resolve(name));
    try {
      const { size } = await handle.stat();
      if (size > maxBytes) return tooLarge(type);
      return { kind: 'content', content: await handle.readFile() };
    } finally {
      await handle.close();
    }
  } catch (error) {
    return { kind: 'refused', problem: describeError(error) };
  }
}

type Opened = Extract<WebOutcome, { kind: 'opened' }>;

/** Reads what the web serves, or refuses what says to be larger than the type takes. */
export async function readBody({ body, length }: Opened, url: string, type: MediaType): Promise<Content> {
  const { maxBytes } = limits[type];
  if ((length ?? 0) > maxBytes) {
    discard(body);
    return tooLarge(type);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as Readable & AsyncIterable<Buffer>) {
      bytes += chunk.length;
      // Leaving the loop destroys the body.
      if (bytes > maxBytes) return tooLarge(type);
      chunks.push(chunk);
    }
  } catch (error) {
    return { kind: 'transient', problem: `${url}: ${describeError(error)}` };
  }
  return { kind: 'content', content: Buffer.concat(chunks) };
}

function tooLarge(type: MediaType): NoFile {
  return { kind: 'refused', problem: `it is larger than ${limits[type].maxBytes} bytes` };
}
