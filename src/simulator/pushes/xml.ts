/** Strings go into CDATA, numbers stand bare; ids of 64 bits are bigints; a list is a repeated element. */
export type XmlValue = string | number | bigint | XmlFields | readonly XmlValue[];

export interface XmlFields {
  readonly [name: string]: XmlValue;
}

/** A push as WeChat writes it: strings in CDATA, numbers bare, a list as a repeated element. */
export function toXml(fields: XmlFields): string {
  return `<xml>${elements(fields)}</xml>`;
}

function elements(fields: XmlFields): string {
  return Object.entries(fields)
    .map(([name, value]) =>
      isList(value) ? value.map((item) => element(name, item)).join('') : element(name, value),
    )
    .join('');
}

function element(name: string, value: XmlValue): string {
  if (typeof value === 'number' || typeof value === 'bigint') return `<${name}>${value}</${name}>`;
  if (typeof value === 'string') return `<${name}>${cdata(value)}</${name}>`;
  if (isList(value)) return value.map((item) => element(name, item)).join('');
  return `<${name}>${elements(value)}</${name}>`;
}

/** As it is: WeChat escapes nothing, not even "]]>", which ends a CDATA section to every parser of XML. */
function cdata(text: string): string {
  return `<![CDATA[${text}]]>`;
}

function isList(value: XmlValue): value is readonly XmlValue[] {
  return Array.isArray(value);
}
