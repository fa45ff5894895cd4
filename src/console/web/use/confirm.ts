import { ElMessageBox } from 'element-plus';
import { useWords } from './words.js';

/** Asks before what cannot be taken back, or what others see. False: no, or the question was closed. */
export function useConfirm(): (question: string, yes: string, danger?: boolean) => Promise<boolean> {
  const { t } = useWords();
  return async (question, yes, danger = false) => {
    try {
      await ElMessageBox.confirm(question, yes, {
        confirmButtonText: yes,
        cancelButtonText: t('shell.cancel'),
        confirmButtonClass: danger ? 'el-button--danger' : '',
      });
      return true;
    } catch {
      return false;
    }
  };
}
