import { Option } from 'commander';

/** What commander gives an action whose command has `jsonOption`. */
export interface Json {
  json?: boolean;
}

export const jsonOption = () => new Option('--json', 'as JSON, for scripts');
export const yesOption = () => new Option('-y, --yes', 'go ahead without asking');

export function accountOption(description = 'of this account only'): Option {
  return new Option('--account <AppID>', description);
}
