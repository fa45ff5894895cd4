import { ConfigError } from '../config/config-error.js';
import { type HttpReplies, httpSource } from './http/source.js';
import { loadReplies } from './load.js';
import { type LoadedSource, sourceOf } from './source.js';

/**
 * What an entry of REPLIES is, by its form: `https://…` (or http) an HTTP service, `model:file.yaml` a model, another `.yaml` rules, and
 * anything else the path of a module.
 */
export type SourceKind = 'http' | 'model' | 'rules' | 'module';

export function kindOf(entry: string): SourceKind {
  if (/^https?:\/\//i.test(entry)) return 'http';
  if (entry.startsWith('model:')) return 'model';
  return /\.ya?ml$/i.test(entry) ? 'rules' : 'module';
}

/** What an entry may need beside itself. */
export interface SourceOptions {
  http: HttpReplies;
}

/** @throws an error that names the entry and says what is wrong with it: RepliesModuleError, and the like of the other kinds */
export async function loadSource(entry: string, { http }: SourceOptions): Promise<LoadedSource> {
  switch (kindOf(entry)) {
    case 'module':
      return sourceOf(entry, await loadReplies(entry));
    case 'http':
      return httpSource(entry, http);
    default:
      throw new ConfigError([{ code: 'form', where: 'REPLIES' }] as never);
  }
}
