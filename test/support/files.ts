import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { scratchDirectory } from './temporary-directory.js';

/** The smallest beginnings that make a file what it is; the rest may be anything. */
const beginnings = {
  png: Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  ),
  jpg: Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0x10, 0x4a, 0x46, 0x49, 0x46, 0]),
  amr: Buffer.from('#!AMR\n'),
  mp4: Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1'),
};

export type SampleType = keyof typeof beginnings;

/** A file of this type and (at least) this size; another `mark` makes it another file. */
export function sample(type: SampleType, { bytes = 200, mark = '' }: { bytes?: number; mark?: string } = {}) {
  const beginning = Buffer.concat([beginnings[type], Buffer.from(mark)]);
  return Buffer.concat([beginning, Buffer.alloc(Math.max(0, bytes - beginning.length))]);
}

/** A voice as a user's phone makes it: AMR of 12.2 kbit/s, fifty frames a second; of noise. */
export function voice(seconds: number): Buffer {
  const frame = Buffer.concat([Buffer.from([0x3c]), Buffer.alloc(31, 0x55)]);
  return Buffer.concat([beginnings.amr, ...Array<Buffer>(seconds * 50).fill(frame)]);
}

/** @returns the path of a new file, which goes with the test */
export async function writeSample(name: string, content: Buffer): Promise<string> {
  const file = path.join(scratchDirectory(), name);
  await writeFile(file, content);
  return file;
}
