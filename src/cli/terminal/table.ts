import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';

export interface Column {
  title: string;
  align?: 'right';
  /** Gives way first when the line gets too long; the longest of these is cut. */
  flexible?: boolean;
}

/** Of a terminal as much as it has, of anything else no more than this. */
const defaultColumns = 100;
const gap = '  ';
const shortest = 8;

/** Lines no longer than those of `out`; Chinese characters, two columns wide, stay in theirs. */
export function toTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  out: { readonly isTTY?: boolean; readonly columns?: number } = {},
): string {
  const width = out.isTTY && out.columns ? out.columns : defaultColumns;
  const cells = rows.map((row) => row.map(oneLine));
  const widths = columns.map(({ title }, index) =>
    Math.max(stringWidth(title), ...cells.map((row) => stringWidth(row[index] ?? ''))),
  );
  for (let over = total(widths) - width; over > 0; over = total(widths) - width) {
    const flexible = widths.map((one, index) => (columns[index]?.flexible && one > shortest ? one : 0));
    const widest = Math.max(...flexible);
    if (widest === 0) break;
    const index = flexible.indexOf(widest);
    // Down to the next widest at once would be fair; by one column at a time it is, too.
    widths[index] = widest - 1;
  }
  const line = (texts: readonly string[]) =>
    columns
      .map(({ align }, index) => cell(texts[index] ?? '', widths[index] ?? 0, align === 'right'))
      .join(gap)
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...cells.map(line)].join('\n');
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, one) => sum + one, 0) + gap.length * (widths.length - 1);
}

/** What a user wrote may hold line breaks, and control sequences that would act on the terminal. */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\s*\n\s*/g, ' ⏎ ')
    .replaceAll(/\p{Cc}/gu, ' ');
}

function cell(text: string, width: number, right: boolean): string {
  return pad(truncate(text, width), width, right);
}

/** Chinese characters are two columns wide, which padEnd does not know. */
export function pad(text: string, width: number, right = false): string {
  const padding = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return right ? padding + text : text + padding;
}

function truncate(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let used = 1;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    used += stringWidth(segment);
    if (used > width) break;
    kept += segment;
  }
  return `${kept}…`;
}
