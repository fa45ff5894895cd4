import { Option } from 'commander';
import type { Words } from '../words/index.js';

type Help = Words['help'];

/** What commander gives an action whose command has `jsonOption`. */
export interface Json {
  json?: boolean;
}

export const jsonOption = (help: Help) => new Option('--json', help.json);
export const yesOption = (help: Help) => new Option('-y, --yes', help.yes);

export function accountOption(help: Help, description = help.ofAccount): Option {
  return new Option('--account <AppID>', description);
}
