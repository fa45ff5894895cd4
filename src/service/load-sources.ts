import type { AccountConfig, Config } from '../config/settings.js';
import { createDefaultReplies } from '../replies/default-replies.js';
import { createSourceLoader, type SourceOptions } from '../replies/open.js';
import { type LoadedSource, sourceOf } from '../replies/source.js';

/** Loads what each account answers with. Before anything starts: a module that is wrong is told at once. */
export async function loadAll(
  { accounts, httpReplies, replyTimeoutMs }: Config,
  environment: SourceOptions['environment'],
): Promise<(account: AccountConfig) => readonly LoadedSource[]> {
  const load = createSourceLoader();
  const loaded = new Map<string, readonly LoadedSource[]>();
  const options = { http: httpReplies, environment, replyTimeoutMs };
  for (const account of accounts) {
    loaded.set(account.appId, await chooseReplies(account, (entry) => load(entry, options)));
  }
  return ({ appId }) => {
    const replies = loaded.get(appId);
    if (!replies) throw new Error(`No replies were loaded for ${appId}`);
    return replies;
  };
}

async function chooseReplies(
  { replies, publicUrl, name }: AccountConfig,
  load: (entry: string) => Promise<LoadedSource>,
): Promise<readonly LoadedSource[]> {
  if (replies.length > 0) return Promise.all(replies.map((entry) => load(entry)));
  const answer = createDefaultReplies({ publicUrl: publicUrl ?? '', accountName: name });
  return [sourceOf('the default replies', answer)];
}
