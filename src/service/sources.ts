import type { AccountConfig } from '../config/account.js';
import { checksOf } from '../replies/checks/of-sources.js';
import type { ServedAccount } from '../replies/run.js';
import { inTurn, type LoadedSource, type ReplySource, type SourceServices } from '../replies/source.js';
import type { CurrentWords } from '../replies/words/check-words.js';

export interface OpenSources {
  /** Each account with what answers its users. */
  accounts: readonly ServedAccount[];
  /** When nothing is under way any more. What fails to close does not keep the others from it. */
  close(): Promise<void>;
}

export interface OpenSourcesOptions {
  accounts: readonly AccountConfig[];
  repliesOf(account: AccountConfig): readonly LoadedSource[];
  /** Undefined: there is no word list. */
  words?: CurrentWords | undefined;
  services: Omit<SourceServices, 'appId' | 'httpReplySecrets'>;
}

/**
 * Opens every account's sources of replies, in their order.
 *
 * @throws what the first that fails throws; those that were open by then are closed
 */
export async function openSources({
  accounts,
  repliesOf,
  words,
  services,
}: OpenSourcesOptions): Promise<OpenSources> {
  const opened: ReplySource[] = [];
  const close = () => closeAll(opened, services);
  const served: ServedAccount[] = [];
  try {
    for (const account of accounts) {
      const { appId, httpReplySecrets } = account;
      const sources: ReplySource[] = [];
      for (const source of repliesOf(account)) {
        const open = await source.open({ ...services, appId, httpReplySecrets });
        opened.push(open);
        sources.push(open);
      }
      served.push({ ...account, answer: inTurn(sources), checks: checksOf(sources, words) });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { accounts: served, close };
}

async function closeAll(opened: ReplySource[], { log }: Pick<SourceServices, 'log'>): Promise<void> {
  for (const source of opened.splice(0).reverse()) {
    await source
      .close()
      .catch((error) =>
        log.warn({ event: 'source_not_closed', source: source.name, err: error }, 'source not closed'),
      );
  }
}
