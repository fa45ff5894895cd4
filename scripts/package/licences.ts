import { readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * `npm run licences`: every package of the lock file has a licence that fits. What is installed with this package, and what is built
 * into its pages, must be such that anybody may use it for anything; what only develops it may ask for a little more.
 */

const root = path.resolve(import.meta.dirname, '../..');

const permissive = [
  'MIT',
  'MIT-0',
  'ISC',
  '0BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  'BlueOak-1.0.0',
];
const permissiveToo = ['Unlicense', 'CC0-1.0', 'Python-2.0', 'Zlib', 'WTFPL'];
/** Of tools: they are shipped to nobody. */
const ofTools = ['MPL-2.0', 'CC-BY-4.0', 'CC-BY-3.0', 'LGPL-3.0-or-later', 'Artistic-2.0'];

/** Packages whose lock entry says nothing, or says it in another form; looked at by hand, with where it is written. */
const known: Readonly<Record<string, string>> = {
  buildcheck: 'MIT', // its LICENSE
  'cpu-features': 'MIT', // its LICENSE
  sax: 'BSD-2-Clause', // its LICENSE; package.json says BSD
  ssh2: 'MIT', // its LICENSE
  xml2js: 'MIT', // its LICENSE
};

interface LockedPackage {
  version?: string;
  license?: string | readonly string[] | { type?: string };
  dev?: boolean;
  link?: boolean;
}

/** `(MIT OR GPL-3.0)` leaves the choice, `MIT AND ISC` does not. */
function isAllowed(expression: string, allowed: readonly string[]): boolean {
  const plain = expression.replace(/^\((.*)\)$/, '$1');
  if (plain.includes(' OR ')) return plain.split(' OR ').some((part) => isAllowed(part.trim(), allowed));
  if (plain.includes(' AND ')) return plain.split(' AND ').every((part) => isAllowed(part.trim(), allowed));
  return allowed.includes(plain);
}

function expressionOf(license: LockedPackage['license']): string {
  if (typeof license === 'string') return license;
  if (Array.isArray(license)) return license.join(' OR ');
  return (license as { type?: string } | undefined)?.type ?? 'none';
}

const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, LockedPackage>;
};
const counts = new Map<string, number>();
const problems: string[] = [];
for (const [place, locked] of Object.entries(lock.packages)) {
  if (place === '' || locked.link) continue;
  const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const licence = known[name] ?? expressionOf(locked.license);
  const allowed = [...permissive, ...permissiveToo, ...(locked.dev ? ofTools : [])];
  if (!isAllowed(licence, allowed)) problems.push(`${name}@${locked.version}: ${licence}`);
  if (!locked.dev) counts.set(licence, (counts.get(licence) ?? 0) + 1);
}
const summary = [...counts].sort(([, a], [, b]) => b - a).map(([licence, count]) => `${licence} ${count}`);
process.stdout.write(`Licences of what is installed with the package: ${summary.join(', ')}\n`);
for (const problem of problems) process.stderr.write(`not on the list: ${problem}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
