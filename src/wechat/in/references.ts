const predefined: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * Decodes outside of CDATA what every XML has without a declaration: five entities, and references to characters.
 * One pass, and the result is never longer than the text. Whatever else begins with & stays as it is, and so does a
 * reference to what is no character of XML (&#0;).
 */
export function decodeReferences(text: string): string {
  return text.replace(/&(?:(amp|lt|gt|quot|apos)|#(\d+)|#x([\da-fA-F]+));/g, (sent, name, decimal, hex) => {
    if (name !== undefined) return predefined[name] ?? sent;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return isXmlCharacter(code) ? String.fromCodePoint(code) : sent;
  });
}

/** Source: XML 1.0, 2.2 Characters. */
function isXmlCharacter(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) || (code >= 0x10000 && code <= 0x10ffff);
}
