import type { SettingGroup } from '#src/config/about.js';
import { groups, type Setting } from './collect.ts';
import { english } from './words.ts';

const width = 118;

/** What is no setting of ours and stands in the same file. */
const besides: Partial<Record<SettingGroup, readonly string[]>> = {
  database: [
    '# With docker compose instead of both: of the Postgres that it starts, in single quotes where it has $ or blanks',
    '#POSTGRES_PASSWORD=wechat',
  ],
};

/** The file .env.example: what must be filled in, and every other setting as a comment. */
export function envExample(settings: readonly Setting[]): string {
  const sections = groups
    .filter((group) => group !== 'others')
    .map((group) => {
      const title = `# --- ${english.groups[group]} `;
      const lines = settings.filter((setting) => setting.group === group).flatMap(linesOf);
      return [title.padEnd(width, '-'), ...lines, ...(besides[group] ?? []), ''].join('\n');
    });
  return `${[
    '# Copy to .env and fill in. What is commented out shows its default, or an example where there is none.',
    '# Every secret can also be given as a file, e.g. WECHAT_APP_SECRET_FILE. More: docs/settings.md.',
    '',
    ...sections,
  ]
    .join('\n')
    .trimEnd()}\n`;
}

function linesOf({ name, summary, fallback, absent, example }: Setting): string[] {
  const comment = wrap(plain(summary), width - 2).map((line) => `# ${line}`);
  if (absent === 'required' || absent === 'required by the default replies') return [...comment, `${name}=`];
  const value = example ?? fallback ?? (typeof absent === 'object' ? absent.value : '');
  return [...comment, `#${name}=${value}`];
}

/** Without links and marks of Markdown; where a page is named, it is left out. */
function plain(markdown: string): string {
  return markdown
    .replace(/ See \[[^\]]*\]\([^)]*\)[^.]*\./g, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('`', '');
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
