import path from 'node:path';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

/** Relative addresses: the page works below any path. */
export default defineConfig({
  root: path.join(import.meta.dirname, 'web'),
  base: './',
  plugins: [vue()],
  build: {
    outDir: path.resolve(import.meta.dirname, '../../../dist/simulator/phone/page'),
    emptyOutDir: true,
    target: 'es2022',
    // A file as data: in the page would need a looser content security policy.
    assetsInlineLimit: 0,
    // Those of what is built in ask to be handed on with it.
    license: { fileName: 'licences.md' },
  },
});
