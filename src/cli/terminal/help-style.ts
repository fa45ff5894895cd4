import { type Argument, Help, type HelpConfiguration, type Option } from 'commander';
import type { Words } from '../words/index.js';

/** Commander's own words in --help, in the language of the rest, and lines that end where the terminal does. */
export function createHelpStyle({ language, terminal: { ofCommander } }: Words): HelpConfiguration {
  if (language === 'en') return {};
  const english = new Help();
  return {
    styleTitle: (title) => ofCommander(title),
    optionDescription: (option: Option) => ofCommander(english.optionDescription(option)),
    argumentDescription: (argument: Argument) => ofCommander(english.argumentDescription(argument)),
    boxWrap: (text, width) =>
      text
        .split('\n')
        .map((line) => wrap(line, width))
        .join('\n'),
  };
}

/** Not string-width, which takes as long to load as all the rest of a light command, and knows of more than Chinese. */
const wide = /[\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60]/g;
const widthOf = (text: string) => text.length + (text.match(wide)?.length ?? 0);

/** A Chinese character or a word, with what may not begin or end a line beside it. */
const piece =
  /\s*[（“]*(?:[\u2e80-\u2fff\u3040-\u9fff\uf900-\ufaff]|[^\s\u2e80-\u9fff\uf900-\ufaff\uff01-\uff60“”]+|.)[，。；：、）”！？]*/g;

function wrap(line: string, width: number): string {
  const lines: string[] = [];
  let current = '';
  for (const [text] of line.matchAll(piece)) {
    if (current !== '' && widthOf(current) + widthOf(text) > width) {
      lines.push(current);
      current = text.trimStart();
    } else current += text;
  }
  return [...lines, current].join('\n');
}
