import { ElMessage } from 'element-plus';
import { ref, shallowRef } from 'vue';
import type {
  ReturnResult,
  TakeRequest,
  TakeResult,
  TransferRequest,
} from '../../../contract/conversations.js';
import { useConsole } from '../../app/context.js';
import { useAttempt } from '../../use/attempt.js';
import { useWords } from '../../use/words.js';

/** Taking a conversation over, giving it back, and passing it on. `changed` runs after each. */
export function useHolding(path: string, changed: () => Promise<void>) {
  const { api } = useConsole();
  const { t } = useWords();
  const { busy, attempt: attemptOne } = useAttempt();
  const dialog = ref<'take' | 'transfer' | null>(null);
  /** Who holds it, as the page knows it when one asks, or as the server says when one takes it. */
  const held = shallowRef<{ agent: string; since: string } | null>(null);

  async function attempt(run: () => Promise<void>): Promise<void> {
    await attemptOne(run);
    await changed();
  }

  function ask(holder: { agent: string; since: string } | null): void {
    held.value = holder;
    dialog.value = 'take';
  }

  const take = (request: TakeRequest) =>
    attempt(async () => {
      const result = await api.send<TakeResult>('POST', `${path}/take`, request);
      if (result.kind === 'held') {
        held.value = { agent: result.agent, since: result.since };
        return;
      }
      dialog.value = null;
      if (result.kind === 'taken') ElMessage.success(t('chat.hold.taken'));
      else ElMessage.warning(t('chat.take.noConversation'));
    });

  function told(result: ReturnResult, words: string): void {
    if (result.kind === 'returned') ElMessage.success(words);
    else if (result.agent === null) ElMessage.warning(t('chat.hold.notYours'));
    else ElMessage.warning(t('chat.hold.notYoursBut', { agent: result.agent }));
  }

  const giveBack = () =>
    attempt(async () => {
      told(await api.send<ReturnResult>('POST', `${path}/return`), t('chat.hold.returned'));
    });

  const transfer = (kfAccount: string) =>
    attempt(async () => {
      const request: TransferRequest = { kfAccount };
      const result = await api.send<ReturnResult>('POST', `${path}/transfer`, request);
      dialog.value = null;
      told(result, t('chat.hold.transferred'));
    });

  return { busy, dialog, held, ask, take, giveBack, transfer };
}
