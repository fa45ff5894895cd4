/** Writes the JSON Schemas of the files that people write, from their shapes; with --verify it fails when one is stale. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { modelSchema } from '#src/replies/model/schema.js';
import { rulesSchema } from '#src/replies/rules/shapes.js';

const folder = 'docs/public';
const schemas = { 'rules.schema.json': rulesSchema(), 'model.schema.json': modelSchema() };

if (!process.argv.includes('--verify')) mkdirSync(folder, { recursive: true });
for (const [name, schema] of Object.entries(schemas)) {
  const file = `${folder}/${name}`;
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  if (!process.argv.includes('--verify')) {
    writeFileSync(file, text);
  } else if (readFileSync(file, 'utf8') !== text) {
    process.exitCode = 1;
    console.error(`${file} is stale: run "npm run docs:schemas" and commit the result.`);
  }
}
