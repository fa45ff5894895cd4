import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type Koa from 'koa';

interface PageFile {
  body: Buffer;
  etag: string;
  /** Compressed when it is first asked for. */
  gzipped?: Promise<Buffer>;
}

const compress = promisify(gzip);

/** What is compressed in itself, or too small to gain. */
const isCompressible = (name: string, { length }: Buffer) =>
  length > 1_000 && /\.(html|js|css|svg|json|webmanifest|txt)$/.test(name);

/**
 * The files of the page as `npm run build` made them, from memory: some hundred kilobytes. Vite names what is in `assets/` by its
 * content, so browsers may keep it for ever. Every other address is the page's own affair, and gets index.html.
 *
 * The page's addresses are relative, to a base that it is told by how deep it was asked for: so it need not know what path a proxy
 * puts before ours.
 */
export function createPageFiles(directory: string): Koa.Middleware {
  const files = readFiles(directory);

  return async (ctx) => {
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
      ctx.status = 405;
      return;
    }
    const name = ctx.path.slice(1);
    const file = name === 'index.html' ? undefined : files.get(name);
    if (file) return sendFile(ctx, name, file);
    const index = files.get('index.html');
    if (!index) {
      ctx.status = 503;
      ctx.body = 'The page was not built: run "npm run build".\n';
    } else if (/\.\w+$/.test(name) && name !== 'index.html') {
      ctx.status = 404;
    } else {
      const depth = name.split('/').length - 1;
      const base = depth === 0 ? './' : '../'.repeat(depth);
      ctx.type = 'html';
      ctx.set('cache-control', 'no-cache');
      ctx.body = index.body.toString().replace('<head>', `<head><base href="${base}">`);
    }
  };
}

async function sendFile(ctx: Koa.Context, name: string, file: PageFile): Promise<void> {
  const isForEver = name.startsWith('assets/');
  ctx.set('cache-control', isForEver ? 'public, max-age=31536000, immutable' : 'no-cache');
  ctx.etag = file.etag;
  ctx.type = path.extname(name);
  ctx.status = 200;
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  if (!isCompressible(name, file.body)) {
    ctx.body = file.body;
    return;
  }
  ctx.vary('accept-encoding');
  if (ctx.acceptsEncodings('gzip', 'identity') === 'gzip') {
    file.gzipped ??= compress(file.body);
    ctx.body = await file.gzipped;
    ctx.set('content-encoding', 'gzip');
  } else ctx.body = file.body;
}

/** By their paths; none where there is no such folder. */
function readFiles(directory: string): Map<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const entry of listFiles(directory)) {
    const body = readFileSync(path.join(directory, entry));
    const etag = createHash('sha256').update(body).digest('base64url').slice(0, 27);
    files.set(entry.split(path.sep).join('/'), { body, etag });
  }
  return files;
}

function listFiles(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
      .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
