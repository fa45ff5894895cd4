export type MediaType = 'image' | 'voice' | 'video' | 'thumb';

interface Format {
  contentType: string;
  extension: string;
  /** By the first bytes: names and declared types say nothing. */
  matches(bytes: Buffer): boolean;
}

interface Rule {
  maxBytes: number;
  tooLarge: 40009 | 40010 | 40011 | 40012;
  formats: readonly Format[];
}

const format = (extension: string, contentType: string, matches: Format['matches']): Format => ({
  extension,
  contentType,
  matches,
});

const starting =
  (...prefixes: readonly (readonly number[])[]): Format['matches'] =>
  (bytes) =>
    prefixes.some((prefix) => prefix.every((byte, index) => bytes[index] === byte));

const jpeg = format('jpg', 'image/jpeg', starting([0xff, 0xd8, 0xff]));
const png = format('png', 'image/png', starting([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
const gif = format('gif', 'image/gif', (bytes) => /^GIF8[79]a/.test(bytes.toString('latin1', 0, 6)));
const bmp = format('bmp', 'image/bmp', starting([0x42, 0x4d]));
const amr = format('amr', 'audio/amr', (bytes) => bytes.toString('latin1', 0, 5) === '#!AMR');
/** With a tag in front, or at once a frame of layer III (of any MPEG version, with a checksum or without). */
const mp3 = format(
  'mp3',
  'audio/mpeg',
  starting(
    [0x49, 0x44, 0x33],
    [0xff, 0xfb],
    [0xff, 0xfa],
    [0xff, 0xf3],
    [0xff, 0xf2],
    [0xff, 0xe3],
    [0xff, 0xe2],
  ),
);
const mp4 = format('mp4', 'video/mp4', (bytes) => bytes.toString('latin1', 4, 8) === 'ftyp');

const MB = 1_024 * 1_024;

/** What may be uploaded. Source: the page of media/upload. */
const rules: Readonly<Record<MediaType, Rule>> = {
  image: { maxBytes: 10 * MB, tooLarge: 40009, formats: [bmp, png, jpeg, gif] },
  voice: { maxBytes: 2 * MB, tooLarge: 40010, formats: [amr, mp3] },
  video: { maxBytes: 10 * MB, tooLarge: 40011, formats: [mp4] },
  thumb: { maxBytes: 64 * 1_024, tooLarge: 40012, formats: [jpeg] },
};

export function isMediaType(value: unknown): value is MediaType {
  return typeof value === 'string' && Object.hasOwn(rules, value);
}

/** What the bytes are, or the errcode that refuses them as media of this type. */
export function examine(type: MediaType, bytes: Buffer): { contentType: string } | { errcode: number } {
  const { maxBytes, tooLarge, formats } = rules[type];
  if (bytes.length === 0) return { errcode: 41005 };
  if (bytes.length > maxBytes) return { errcode: tooLarge };
  const found = formats.find(({ matches }) => matches(bytes));
  return found ? { contentType: found.contentType } : { errcode: 40005 };
}

/** For the name of a download; none for a type that no upload has. */
export function extensionOf(contentType: string): string | undefined {
  return Object.values(rules)
    .flatMap(({ formats }) => formats)
    .find((candidate) => candidate.contentType === contentType)?.extension;
}
