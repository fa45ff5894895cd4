/** Writes the JSON Schema of rules files from their shapes; with --verify it fails when it is stale. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rulesSchema } from '#src/replies/rules/shapes.js';

const file = 'docs/public/rules.schema.json';
const text = `${JSON.stringify(rulesSchema(), null, 2)}\n`;

if (!process.argv.includes('--verify')) {
  mkdirSync('docs/public', { recursive: true });
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  process.exitCode = 1;
  console.error(`${file} is stale: run "npm run docs:rules" and commit the result.`);
}
