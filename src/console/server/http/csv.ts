export type Cell = string | number | null;

/** Programs for tables take a text that begins so for a formula, and run it; some in the wide forms of Chinese input, too. */
const isFormula = /^[=+\-@\t\r\n＝＋－＠]/;

/** As RFC 4180, with the mark by which Excel knows UTF-8. No text in it is taken for a formula. */
export function toCsv(columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [columns, ...rows].map((cells) => cells.map(toCell).join(','));
  return `\uFEFF${lines.map((line) => `${line}\r\n`).join('')}`;
}

function toCell(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const text = isFormula.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) || text.startsWith(' ') ? `"${text.replaceAll('"', '""')}"` : text;
}
