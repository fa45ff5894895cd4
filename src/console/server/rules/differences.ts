import { diffLines } from '../../../lib/line-diff.js';
import type { DiffLine, RuleDiff } from '../../contract/rules.js';

/** Lines that are shown before and after a change. */
const around = 3;

export function differencesOf(before: string, after: string): RuleDiff {
  const all = diffLines(asLines(before), asLines(after));
  const changes = all.flatMap(({ kind }, at) => (kind === 'same' ? [] : [at]));
  const lines: DiffLine[] = [];
  let next = 0;
  for (const [at, { kind, text, from, to }] of all.entries()) {
    while ((changes[next] ?? all.length) < at) next++;
    const isNear =
      at - (changes[next - 1] ?? -Infinity) <= around || (changes[next] ?? Infinity) - at <= around;
    const line = { text, from: from ?? null, to: to ?? null };
    if (isNear) lines.push({ kind, ...line });
    else if (changes.length > 0 && lines.at(-1)?.kind !== 'skipped')
      lines.push({ ...line, kind: 'skipped', text: '' });
  }
  const count = (wanted: DiffLine['kind']) => all.filter(({ kind }) => kind === wanted).length;
  return { added: count('added'), removed: count('removed'), lines };
}

/** An editor on Windows ends lines otherwise; the page does not. */
const asLines = (text: string) => text.replaceAll('\r\n', '\n');
