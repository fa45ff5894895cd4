import { readFileSync } from 'node:fs';
import type { Upload } from '../../src/wechat/out/client.js';
import { sample } from '../support/files.js';

/** The smallest JPEG: one pixel. */
const pixel = Buffer.from(
  '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQCgwSExIQEw8QEBD/yQALCAABAAEBAREA/8wABgAQEAX/2gAIAQEAAD8A0s8g/9k=',
  'base64',
);

/** A second of silence. */
const silence = Buffer.concat([
  Buffer.from('#!AMR\n'),
  ...Array.from({ length: 50 }, () => Buffer.concat([Buffer.from([0x3c]), Buffer.alloc(31)])),
]);

/** WeChat looks into films: for the sandbox one that is real. */
const film = process.env.WECHAT_SANDBOX_FILM;

export const uploads: readonly Upload[] = [
  { type: 'image', filename: 'pixel.png', contentType: 'image/png', content: sample('png', { bytes: 0 }) },
  { type: 'thumb', filename: 'pixel.jpg', contentType: 'image/jpeg', content: pixel },
  { type: 'voice', filename: 'silence.amr', contentType: 'audio/amr', content: silence },
  {
    ...{ type: 'video', filename: 'film.mp4', contentType: 'video/mp4' },
    content: film ? readFileSync(film) : sample('mp4'),
  },
];

export const needsFilm = (type: Upload['type']) => type === 'video' && film === undefined;

export function uploadOf(type: Upload['type']): Upload {
  const found = uploads.find((one) => one.type === type);
  if (!found) throw new Error(`No sample of ${type}`);
  return found;
}
