import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';
import { fakeApi } from './dev/fake-api.js';
import { weigh } from './weigh.js';

/** Relative addresses, and the page's own places behind a #: it works below any path, whatever a proxy puts before it. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [vue(), fakeApi(), weigh()],
  // As strict as the server is, so that what it would forbid is found here.
  preview: {
    headers: {
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    },
  },
  define: {
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
    __INTLIFY_DROP_MESSAGE_COMPILER__: 'false',
  },
  build: {
    outDir: '../../../dist/console/web',
    emptyOutDir: true,
    target: 'es2022',
    // A file as data: in the page would need a looser content security policy.
    assetsInlineLimit: 0,
    // Those of what is built in ask to be handed on with it.
    license: { fileName: 'licences.md' },
    chunkSizeWarningLimit: 600,
  },
});
