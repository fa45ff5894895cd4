/**
 * Checks the types of the console's page, its templates included.
 *
 * vue-tsc works inside of a compiler that is written in JavaScript, which TypeScript 7 no longer is: it is given the one before.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { run } = require('vue-tsc') as { run(tscPath: string): void };

process.argv.push('--noEmit', '-p', 'src/console/web/tsconfig.json');
run(require.resolve('typescript-6/lib/tsc'));
