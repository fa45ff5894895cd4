import path from 'node:path';
import { say } from '../lib/language.js';
import { type HttpReplies, httpSource } from './http/source.js';
import { loadModule } from './load.js';
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

/** What an entry may need beside itself. */
export interface SourceOptions {
  http: HttpReplies;
  /** For secrets that a file names. */
  environment: Readonly<Record<string, string | undefined>>;
  /** What the reply logic may take for one message. */
  replyTimeoutMs: number;
}

/** @throws an error that names the entry and says what is wrong with it: RepliesModuleError, and the like of the other kinds */
export async function loadSource(entry: string, options: SourceOptions): Promise<LoadedSource> {
  switch (kindOf(entry)) {
    case 'module': {
      const { replies, beforeSend } = await loadModule(entry);
      return sourceOf(entry, replies, beforeSend);
    }
    case 'rules':
      return loadRules(entry, { loadSource: (named) => loadSource(named, options) });
    case 'http':
      return httpSource(entry, options.http);
    case 'model': {
      // Only then: it brings an SDK with it.
      const { loadModel } = await import('./model/source.js');
      return loadModel(entry.slice('model:'.length), options);
    }
  }
}

/**
 * Loads each entry once, however many accounts name it. Rules are known in the database by the names of their files alone, so two
 * files of one name in different folders are refused.
 */
export function createSourceLoader(): (entry: string, options: SourceOptions) => Promise<LoadedSource> {
  const loaded = new Map<string, Promise<LoadedSource>>();
  const rules = new Map<string, string>();
  return (entry, options) => {
    if (kindOf(entry) === 'rules') {
      const file = path.resolve(entry);
      const other = rules.get(path.basename(file));
      if (other !== undefined && other !== file)
        throw new RulesFileError(
          entry,
          say(
            `has the same name as ${other}: name one of them differently`,
            `和 ${other} 同名：请改其中一个的名字`,
          ),
        );
      rules.set(path.basename(file), file);
    }
    const known = loaded.get(entry);
    if (known) return known;
    const loading = loadSource(entry, options);
    loaded.set(entry, loading);
    return loading;
  };
}
