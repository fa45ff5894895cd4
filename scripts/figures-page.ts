/** `npm run docs:figures`: writes measured tables into the documents; what the benchmark of peers left is named, if it is new. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { plan } from './capacity/plan.ts';
import { reference } from './capacity/reference.ts';
import { costTable, planTable } from './capacity/report.ts';
import { assumptionsOf, decades } from './capacity/usual.ts';
import type { Language } from './capacity/words.ts';
import { writeBlock } from './figures/block.ts';
import { peersPicture, peersTable, peersTitles, type Run } from './figures/peers.ts';

const folders: Readonly<Record<Language, string>> = { en: 'docs', 'zh-CN': 'docs/zh-CN' };
const [resultFile] = process.argv.slice(2);

for (const [language, folder] of Object.entries(folders) as [Language, string][]) {
  await writeBlock(`${folder}/capacity.md`, 'costs', costTable(reference, language));
  const plans = decades.map((users) => plan(reference, assumptionsOf(users)));
  await writeBlock(`${folder}/capacity.md`, 'users', planTable(plans, language));
  if (resultFile === undefined) continue;
  const run = JSON.parse(await readFile(resultFile, 'utf8')) as Run;
  const picture = `docs/pictures/peers.${language}.svg`;
  await writeFile(picture, peersPicture(run, language));
  const image = `![${peersTitles[language]}](${path.relative(folder, picture)})`;
  await writeBlock(
    `${folder}/performance.md`,
    'peers',
    `${image}\n\n${peersTable(run, language)}\n\n${run.machine}`,
  );
}
