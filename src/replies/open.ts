import path from 'node:path';
import { ConfigError } from '../config/config-error.js';
import { loadReplies } from './load.js';
import { RulesFileError } from './rules/file.js';
import { loadRules } from './rules/source.js';
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
    case 'module':
      return sourceOf(entry, await loadReplies(entry));
    case 'rules':
      return loadRules(entry, { loadSource });
    default:
      throw new ConfigError([{ code: 'form', where: 'REPLIES' }] as never);
  }
}

/**
 * Loads each entry once, however many accounts name it. Rules are known in the database by the names of their files alone, so two files
 * of one name in different folders are refused.
 */
export function createSourceLoader(): (entry: string) => Promise<LoadedSource> {
  const loaded = new Map<string, Promise<LoadedSource>>();
  const rules = new Map<string, string>();
  return (entry) => {
    if (kindOf(entry) === 'rules') {
      const file = path.resolve(entry);
      const other = rules.get(path.basename(file));
      if (other !== undefined && other !== file)
        throw new RulesFileError(entry, `has the same name as ${other}: name one of them differently`);
      rules.set(path.basename(file), file);
    }
    const known = loaded.get(entry);
    if (known) return known;
    const loading = loadSource(entry);
    loaded.set(entry, loading);
    return loading;
  };
}
