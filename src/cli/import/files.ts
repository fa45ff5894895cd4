import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileTypeFromBuffer } from 'file-type';
import { MediaError } from '../../accounts/inbound-media.js';
import { describeError } from '../../lib/describe-error.js';
import { discard } from '../../lib/web.js';
import { TokenError } from '../../wechat/out/errors.js';
import type { Api } from '../database/api.js';

/** Where a file is now, or why it is nowhere. */
export type Fetched = { kind: 'file'; file: string } | { kind: 'missing'; problem: string };

/** Keeps the files that the console answers with: their media_ids are good for three days. */
export interface ImportFiles {
  /** By a media_id, or a URL. */
  fetch(source: string): Promise<Fetched>;
  /** For a video, of which WeChat hands out no picture: grey. */
  greyPicture(): Promise<string>;
  /** How many there are. */
  readonly count: number;
}

const maxBytes = 20 * 1_024 * 1_024;

/** JPEG, of one pixel. */
const grey = Buffer.from(
  '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQCgwSExIQEw8QEBD/yQALCAABAAEBAREA/8wABgAQEAX/2gAIAQEAAD8A0s8g/9k=',
  'base64',
);

/** @param folder is made when there is something for it */
export function createImportFiles({ open }: Pick<Api, 'open'>, folder: string): ImportFiles {
  const known = new Map<string, Fetched>();
  const names = new Set<string>();

  async function keep(name: string, content: Buffer): Promise<string> {
    const file = path.join(folder, name);
    await mkdir(folder, { recursive: true });
    await writeFile(file, content);
    names.add(name);
    return file;
  }

  async function fetch(source: string): Promise<Fetched> {
    try {
      const content = await read(source);
      const type = await fileTypeFromBuffer(content);
      if (!type) return { kind: 'missing', problem: 'it is of no known format' };
      return { kind: 'file', file: await keep(`${names.size + 1}.${type.ext}`, content) };
    } catch (error) {
      const isOfWeChat = error instanceof MediaError || error instanceof TokenError;
      if (!isOfWeChat && !isTimeout(error)) throw error;
      return { kind: 'missing', problem: describeError(error) };
    }
  }

  async function read(source: string): Promise<Buffer> {
    const { stream } = await open(source);
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw new MediaError(source, `it is larger than ${maxBytes} bytes`);
        chunks.push(chunk);
      }
    } finally {
      discard(stream);
    }
    return Buffer.concat(chunks);
  }

  return {
    async fetch(source) {
      const fetched = known.get(source) ?? (await fetch(source));
      known.set(source, fetched);
      return fetched;
    },
    greyPicture: () => keep('grey.jpg', grey),
    get count() {
      return names.size;
    },
  };
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
}
