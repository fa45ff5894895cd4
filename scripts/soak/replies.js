/** Echoes which message and which part it answers: `m17 3` gets m17/1, m17/2 and m17/3. */
export function replies({ message }) {
  if (message.kind !== 'text') return undefined;
  const [text, count] = message.content.split(' ');
  return Array.from({ length: Number(count) }, (_, index) => `${text}/${index + 1}`);
}
