import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** All of the page, as a browser that opens every place of it would get it. */
const mostBytes = 400_000;

/** Ends the build where the page has become too heavy: who adds a part should see what it weighs. */
export function weigh(): Plugin {
  return {
    name: 'console-weigh',
    apply: 'build',
    generateBundle(_options, bundle) {
      const sent = Object.values(bundle).filter(({ fileName }) => !fileName.endsWith('.md'));
      const parts = sent.map((part) => (part.type === 'chunk' ? part.code : part.source));
      const bytes = parts.reduce((sum, part) => sum + gzipSync(part).byteLength, 0);
      this.info(`${Math.round(bytes / 1_000)} kB gzipped in all, of ${mostBytes / 1_000}`);
      if (bytes > mostBytes) this.error(`the page has ${bytes} bytes gzipped, and may have ${mostBytes}`);
    },
  };
}
