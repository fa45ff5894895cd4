import type { Argument, HelpConfiguration, Option } from 'commander';
import { Help } from 'commander';
import type { Words } from '../words/index.js';

/** Commander's own words in --help, in the language of the rest. */
export function createHelpStyle({ terminal: { ofCommander } }: Words): HelpConfiguration {
  const english = new Help();
  return {
    styleTitle: (title) => ofCommander(title),
    optionDescription: (option: Option) => ofCommander(english.optionDescription(option)),
    argumentDescription: (argument: Argument) => ofCommander(english.argumentDescription(argument)),
  };
}
