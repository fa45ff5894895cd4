/** A message in a few words: what was written, or what it was. */
export function inWords(row: {
  msg_type: string;
  event: string | null;
  event_key: string | null;
  content: string | null;
}): string {
  if (row.content) return row.content;
  if (row.msg_type !== 'event') return `[${row.msg_type}]`;
  return `[${[row.event, row.event_key].filter(Boolean).join(' ')}]`;
}
