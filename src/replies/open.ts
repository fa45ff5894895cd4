import { ConfigError } from '../config/config-error.js';
import { loadModule } from './load.js';
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

/** @throws an error that names the entry and says what is wrong with it: RepliesModuleError, and the like of the other kinds */
export async function loadSource(entry: string): Promise<LoadedSource> {
  switch (kindOf(entry)) {
    case 'module': {
      const { replies, beforeSend } = await loadModule(entry);
      return sourceOf(entry, replies, beforeSend);
    }
    default:
      throw new ConfigError([{ code: 'form', where: 'REPLIES' }] as never);
  }
}
