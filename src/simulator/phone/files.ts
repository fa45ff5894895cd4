import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import path from 'node:path';

/** The built page. */
export interface Files {
  send(response: ServerResponse, name: string): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export function createFiles(folder: string): Files {
  return {
    async send(response, name) {
      // No name with a slash of its own leads out of the folder.
      const isAsset = /^assets\/[\w-][\w.-]*$/.test(name);
      const type = types[path.extname(name)];
      const bytes =
        type && (isAsset || name === 'index.html')
          ? await readFile(path.join(folder, name)).catch(() => undefined)
          : undefined;
      if (!bytes || !type) {
        const why = name === 'index.html' ? 'The page is not built: npm run build\n' : 'not found\n';
        response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end(why);
        return;
      }
      // The names of assets change with what is in them.
      const caching = isAsset ? 'public, max-age=31536000, immutable' : 'no-cache';
      response.writeHead(200, { 'content-type': type, 'cache-control': caching }).end(bytes);
    },
  };
}
