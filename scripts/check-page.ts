/**
 * Checks the types of a page, its templates included: `node scripts/check-page.ts src/console/web`.
 *
 * vue-tsc works inside of a compiler that is written in JavaScript, which TypeScript 7 no longer is: it is given the one before.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { run } = require('vue-tsc') as { run(tscPath: string): void };

const folder = process.argv.pop();
process.argv.push('--noEmit', '-p', `${folder}/tsconfig.json`);
run(require.resolve('typescript-6/lib/tsc'));
