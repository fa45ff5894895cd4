/** What WeChat takes as a picture of a customer-service message. Source: the page of media/upload. */
const types: readonly string[] = ['image/jpeg', 'image/png', 'image/gif', 'image/bmp'];
const mostBytes = 10 * 1024 * 1024;

export const pictureTypes = types.join(',');
/** A text of a customer-service message, in UTF-8. */
export const mostTextBytes = 2_048;

export function isPicture(file: File): boolean {
  return types.includes(file.type) && file.size > 0 && file.size <= mostBytes;
}

/** Files of a paste or a drop; a text that is pasted has none. */
export function filesOf(transfer: DataTransfer | null): File[] {
  return transfer ? [...transfer.files] : [];
}

export function tooManyBytes(text: string): number {
  return Math.max(0, new TextEncoder().encode(text).length - mostTextBytes);
}
