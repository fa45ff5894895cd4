import { fileTypeFromBuffer } from 'file-type';

export type MediaKind = 'image' | 'voice' | 'video';

const kinds: Readonly<Record<string, MediaKind>> = {
  image: 'image',
  voice: 'voice',
  video: 'video',
  shortvideo: 'video',
};

/** What a message of this MsgType holds under its media id; undefined: nothing that could be shown. */
export const mediaKindOf = (type: string): MediaKind | undefined =>
  Object.hasOwn(kinds, type) ? kinds[type] : undefined;

interface FileKind {
  extension: string;
  /** Browsers show it; else it is offered to be saved. */
  isShown: boolean;
}

/** All that is ever served, by what its bytes say it is. Nothing of it can run in a page. */
const served: Readonly<Record<string, FileKind>> = {
  'image/jpeg': { extension: 'jpg', isShown: true },
  'image/png': { extension: 'png', isShown: true },
  'image/gif': { extension: 'gif', isShown: true },
  'image/bmp': { extension: 'bmp', isShown: true },
  'image/webp': { extension: 'webp', isShown: true },
  'audio/mpeg': { extension: 'mp3', isShown: true },
  'audio/wav': { extension: 'wav', isShown: true },
  // Of those that could not be made into WAV; no browser plays it.
  'audio/amr': { extension: 'amr', isShown: false },
  'video/mp4': { extension: 'mp4', isShown: true },
};

export const servedAs = (contentType: string): FileKind | undefined =>
  Object.hasOwn(served, contentType) ? served[contentType] : undefined;

/** Undefined for what is not served. */
export async function contentTypeOf(content: Buffer): Promise<string | undefined> {
  const detected = await fileTypeFromBuffer(content);
  return detected && servedAs(detected.mime) ? detected.mime : undefined;
}
