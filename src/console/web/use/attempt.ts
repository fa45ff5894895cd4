import { ElMessage } from 'element-plus';
import { type Ref, ref } from 'vue';
import { ApiFailure } from '../app/api.js';
import { useWords } from './words.js';

/** Runs one change at a time. What is refused is said, in the server's words where it has any; true when it went through. */
export function useAttempt(): { busy: Ref<boolean>; attempt(run: () => Promise<void>): Promise<boolean> } {
  const { t } = useWords();
  const busy = ref(false);

  function said(failure: unknown): string {
    if (!(failure instanceof ApiFailure)) return failure instanceof Error ? failure.message : String(failure);
    if (failure.message !== '') return failure.message;
    if (failure.code === 'network') return t('shell.error.network');
    return failure.status === 403
      ? t('shell.error.right')
      : t('shell.error.status', { status: failure.status });
  }

  async function attempt(run: () => Promise<void>): Promise<boolean> {
    if (busy.value) return false;
    busy.value = true;
    try {
      await run();
      return true;
    } catch (failure) {
      ElMessage.error(said(failure));
      return false;
    } finally {
      busy.value = false;
    }
  }

  return { busy, attempt };
}
