import type { XmlFields, XmlValue } from '../pushes/xml.js';
import type { Content } from './contract.js';
import type { PathOfMedia } from './from-account.js';
import { bareParts } from './text-parts.js';

/** What a user sees of what they did themselves. */
export function contentOfAct(fields: XmlFields, pathOf: PathOfMedia): Content {
  const path = () => pathOf(text(fields.MediaId));
  switch (fields.MsgType) {
    case 'event':
      return { kind: 'event', name: text(fields.Event).toLowerCase(), detail: detailOf(fields) };
    case 'text':
      return { kind: 'text', parts: bareParts(text(fields.Content)) };
    case 'image':
      return { kind: 'image', path: path() };
    case 'voice':
      return { kind: 'voice', path: null, words: text(fields.Recognition) };
    case 'video':
    case 'shortvideo':
      return { kind: 'video', path: path(), title: '', description: '' };
    case 'location':
      return {
        kind: 'location',
        latitude: text(fields.Location_X),
        longitude: text(fields.Location_Y),
        label: text(fields.Label),
      };
    case 'link':
      return { kind: 'text', parts: bareParts(`${text(fields.Title)} ${text(fields.Url)}`) };
    default:
      return { kind: 'other', text: `[${text(fields.MsgType)}]` };
  }
}

/** In a word: the type of a message, the name of an event with its key. */
export function nameOfAct(fields: XmlFields): string {
  if (fields.MsgType !== 'event') return text(fields.MsgType);
  return [text(fields.Event), detailOf(fields)].filter((piece) => piece !== '').join(' ');
}

function detailOf({ EventKey, ScanCodeInfo }: XmlFields): string {
  const scanned = ScanCodeInfo as XmlFields | undefined;
  return text(scanned?.ScanResult ?? EventKey).replace(/^qrscene_/, '');
}

function text(value: XmlValue | undefined): string {
  return value === undefined ? '' : String(value);
}
