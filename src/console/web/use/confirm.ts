import { ElMessageBox } from 'element-plus';
import { useWords } from './words.js';

/**
 * Asks before what cannot be taken back, or what others see. False: no, or the question was closed.
 *
 * `stays`: when the address changes, too, for that is what is asked about
 */
export function useConfirm(): (
  question: string,
  yes: string,
  danger?: boolean,
  stays?: boolean,
) => Promise<boolean> {
  const { t } = useWords();
  return async (question, yes, danger = false, stays = false) => {
    try {
      await ElMessageBox.confirm(question, yes, {
        confirmButtonText: yes,
        cancelButtonText: t('shell.cancel'),
        closeOnHashChange: !stays,
        confirmButtonClass: danger ? 'el-button--danger' : '',
      });
      return true;
    } catch {
      return false;
    }
  };
}
