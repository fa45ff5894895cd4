import { groups, type Setting, type SettingName } from './collect.ts';
import { accountsExample, type Words } from './words.ts';

/** The page of settings, in one language. */
export function settingsPage(
  settings: readonly Setting[],
  secretNames: readonly SettingName[],
  words: Words,
): string {
  const sections = groups.map((group) => {
    const rows = settings
      .filter((setting) => setting.group === group)
      .map((setting) => [
        `\`${setting.name}\``,
        fallbackOf(setting, words),
        setting.values ? words.valuesOf(setting.values) : '',
        words.summaryOf(setting),
      ]);
    return `## ${words.groups[group]}\n\n${table(words.columns, rows)}`;
  });
  return `${[
    `# ${words.title}`,
    words.introduction,
    ...sections,
    `## ${words.secrets.title}`,
    words.secrets.text(secretNames),
    `## ${words.accounts.title}`,
    words.accounts.text,
    accountsExample,
    table(words.accounts.columns, accountKeys(settings)),
    words.accounts.after,
  ].join('\n\n')}\n`;
}

function fallbackOf({ fallback, absent }: Setting, words: Words): string {
  if (fallback !== undefined) return `\`${fallback}\``;
  if (absent === undefined) return words.absent.none;
  return typeof absent === 'string' ? words.absent[absent] : `\`${absent.value}\``;
}

function accountKeys(settings: readonly Setting[]): [key: string, setting: SettingName][] {
  return settings.flatMap(({ name, accountKey }) => (accountKey ? [[`\`${accountKey}\``, name]] : []));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
