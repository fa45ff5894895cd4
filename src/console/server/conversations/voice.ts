import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { createSlots } from '../../../lib/slots.js';

/** WeChat's voices are a minute long at most, and take some tenths of a second. */
const timeLimitMs = 10_000;
const maxSeconds = 180;
const framesASecond = 50;
/** At once: each takes a core. */
const maxWorkers = 2;
/** Samples a second of all AMR that WeChat sends (narrow band). */
const sampleRate = 8_000;
const bytesASample = 2;

const require = createRequire(import.meta.url);

/** The decoder was made for a worker of a browser: it hears by `self.onmessage`, and answers by `self.postMessage`. */
const program = `
  const { parentPort, workerData } = require('node:worker_threads');
  globalThis.self = { postMessage: ({ amr }) => parentPort.postMessage(amr) };
  require(workerData.decoder)();
  self.onmessage({ data: { command: 'decode', buffer: workerData.content } });`;

/**
 * Makes of a user's voice (AMR) what browsers play (WAV).
 *
 * @returns undefined where it cannot be decoded, such as wide band, what only begins like a voice, or what is longer than any
 */
export type ToWav = (amr: Buffer) => Promise<Buffer | undefined>;

export function createToWav(): ToWav {
  const workers = createSlots(maxWorkers);
  return async (amr) => {
    if (!isVoice(amr)) return undefined;
    await workers.acquire();
    try {
      const samples = await decode(amr);
      return samples && samples.length > 0 ? encodeWav(samples) : undefined;
    } finally {
      workers.release();
    }
  };
}

const magic = '#!AMR\n';
/** Of a frame with its head, by its kind (3GPP TS 26.101, RFC 4867): from 12 bytes of speech at 4.75 kbit/s to a byte of nothing. */
const frameBytes = [13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1] as const;

/** Of narrow band, and no longer than a voice may be: a frame of nothing is a byte, and 20 ms of sound all the same. */
function isVoice(amr: Buffer): boolean {
  if (amr.toString('latin1', 0, magic.length) !== magic) return false;
  let frames = 0;
  for (let at = magic.length; at < amr.length; frames += 1) at += frameBytes[((amr[at] ?? 0) >> 3) & 15] ?? 1;
  return frames <= maxSeconds * framesASecond;
}

/** In a thread of its own, which has little memory and is ended when it takes long: what a user sent may be anything. */
async function decode(amr: Buffer): Promise<Float32Array | null> {
  const worker = new Worker(program, {
    eval: true,
    workerData: {
      decoder: require.resolve('benz-amr-recorder/src/amrnb.js'),
      content: new Uint8Array(amr),
    },
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 64 },
    stderr: true,
  });
  const timer = setTimeout(() => void worker.terminate(), timeLimitMs);
  try {
    return await new Promise<Float32Array | null>((resolve) => {
      worker.once('message', resolve);
      worker.once('error', () => resolve(null));
      worker.once('exit', () => resolve(null));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

/** @param samples between -1 and 1 */
function encodeWav(samples: Float32Array): Buffer {
  const bytes = samples.length * bytesASample;
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + bytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20); // PCM
  header.writeUInt16LE(1, 22); // one channel
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * bytesASample, 28);
  header.writeUInt16LE(bytesASample, 32);
  header.writeUInt16LE(8 * bytesASample, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(bytes, 40);
  const data = new Int16Array(samples.length);
  for (const [nth, sample] of samples.entries())
    data[nth] = Math.round(Math.max(-1, Math.min(1, sample)) * 32_767);
  return Buffer.concat([header, Buffer.from(data.buffer)]);
}
