import { readFile, writeFile } from 'node:fs/promises';

/** Replaces what stands between the comments `<!-- name -->` and `<!-- /name -->`. @throws Error where the page has none */
export async function writeBlock(file: string, name: string, text: string): Promise<void> {
  const page = await readFile(file, 'utf8');
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [before, rest] = splitAt(page, begin, file);
  const [, after] = splitAt(rest, end, file);
  await writeFile(file, `${before}${begin}\n\n${text}\n\n${end}${after}`);
}

function splitAt(text: string, mark: string, file: string): [string, string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error(`${file} has no ${mark}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}
