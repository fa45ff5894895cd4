import { ConfigError } from '../config/config-error.js';
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

export interface SourceOptions {
  /** For secrets that a file names. */
  environment: Readonly<Record<string, string | undefined>>;
  /** What the reply logic may take for one message. */
  replyTimeoutMs: number;
}

/** @throws an error that names the entry and says what is wrong with it: RepliesModuleError, and the like of the other kinds */
export async function loadSource(entry: string, options: SourceOptions): Promise<LoadedSource> {
  switch (kindOf(entry)) {
    case 'module':
      return sourceOf(entry, await loadReplies(entry));
    case 'model': {
      // Only then: it brings an SDK with it.
      const { loadModel } = await import('./model/source.js');
      return loadModel(entry.slice('model:'.length), options);
    }
    default:
      throw new ConfigError([{ code: 'form', where: 'REPLIES' }] as never);
  }
}
