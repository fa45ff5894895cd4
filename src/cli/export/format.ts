export type ExportFormat = 'ndjson' | 'csv';

/** A message of either direction; the fields are those of wechat.message_history where they have the same name. */
export interface ExportRecord {
  message_id: string;
  /** Null for what a user sent. */
  delivery_id: string | null;
  /** in: when it was stored; out: when it was planned. */
  at: Date;
  direction: 'in' | 'out';
  account: string;
  openid: string;
  type: string;
  event: string | null;
  event_key: string | null;
  text: string | null;
  state: string;
  /** WeChat's last answer to a delivery. */
  errcode: number | null;
  errmsg: string | null;
  /** Of the reply logic, for what a user sent. */
  error: string | null;
  latency_seconds: number | null;
  /** Of the push, on its deliveries too: it leads to the log lines of both. */
  request_id: string | null;
  /** JSON as the database has it; null when it is not asked for. */
  payload: string | null;
}

export interface RecordWriter {
  /** What the output begins with. */
  readonly head: string;
  line(record: ExportRecord): string;
}

const columns = [
  'message_id',
  'delivery_id',
  'at',
  'direction',
  'account',
  'openid',
  'type',
  'event',
  'event_key',
  'text',
  'state',
  'errcode',
  'errmsg',
  'error',
  'latency_seconds',
  'request_id',
] as const satisfies readonly (keyof ExportRecord)[];

type Column = (typeof columns)[number] | 'payload';

export interface RecordWriterOptions {
  format: ExportFormat;
  payload: boolean;
  excel: boolean;
}

export function createRecordWriter({ format, payload, excel }: RecordWriterOptions): RecordWriter {
  const names: readonly Column[] = payload ? [...columns, 'payload'] : columns;
  return format === 'csv' ? csvWriter(names, excel) : ndjsonWriter(names);
}

function ndjsonWriter(names: readonly Column[]): RecordWriter {
  const field = (record: ExportRecord, name: Column) =>
    // Not parsed and written anew: it stays as it is stored.
    `"${name}":${name === 'payload' ? record.payload : JSON.stringify(record[name])}`;
  return {
    head: '',
    line: (record) => `{${onOneLine(names.map((name) => field(record, name)).join(','))}}\n`,
  };
}

/** JSON allows both separators in strings; readers that split into lines, Node's own among them, split there. */
function onOneLine(json: string): string {
  return json.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/** RFC 4180. */
function csvWriter(names: readonly Column[], excel: boolean): RecordWriter {
  const row = (cells: readonly string[]) => `${cells.join(',')}\r\n`;
  return {
    // Without the mark, Excel takes UTF-8 for the code page of its country.
    head: `${excel ? '\uFEFF' : ''}${row(names)}`,
    line: (record) => row(names.map((name) => cell(record[name], excel))),
  };
}

/** What a spreadsheet may take for a formula; some take the full-width characters of Chinese keyboards, too. */
const formula = /^[=+\-@\t\r\n＝＋－＠]/;

function cell(value: string | number | Date | null, excel: boolean): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  if (value instanceof Date) return value.toISOString();
  const text = excel && formula.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
