const maxErrorLength = 2_000;

/** What a server answered or a handler threw may be of any length, and hold NULs, which Postgres refuses. */
export function storable(text: string | undefined): string | undefined {
  return text?.replaceAll('\0', '').slice(0, maxErrorLength);
}
