import { onScopeDispose, type Ref, ref, shallowRef } from 'vue';
import type { BulkPreview, BulkProgress, BulkRequest } from '../../contract/history.js';
import { ApiFailure, segment } from '../app/api.js';
import { useConsole } from '../app/context.js';

const pollMs = 700;
/** So often in a row it may be asked in vain: a proxy may lead to another process, and a connection may break. */
const mostInVain = 20;

/** Nobody is signed in any more, or may not ask. */
const isOver = (failure: unknown) =>
  failure instanceof ApiFailure && (failure.status === 401 || failure.status === 403);

export interface Bulk {
  preview: Ref<BulkPreview | undefined>;
  progress: Ref<BulkProgress | undefined>;
  error: Ref<unknown>;
  running: Ref<boolean>;
  /** Counts again: at first, and after the server found that the count has changed. */
  count(): Promise<void>;
  run(force: boolean): Promise<void>;
}

/** A change of many. It goes on at the server when the dialog is closed; the dialog only looks on. */
export function useBulk(request: () => BulkRequest): Bulk {
  const { api } = useConsole();
  const preview = shallowRef<BulkPreview>();
  const progress = shallowRef<BulkProgress>();
  const error = shallowRef<unknown>();
  const running = ref(false);
  let gone = false;
  onScopeDispose(() => {
    gone = true;
  });

  async function count(): Promise<void> {
    preview.value = undefined;
    await caught(async () => {
      preview.value = await api.send<BulkPreview>('POST', 'bulk/preview', request());
    });
  }

  async function run(force: boolean): Promise<void> {
    const expected = preview.value?.matched;
    running.value = true;
    await caught(async () => {
      const { id } = await api.send<{ id: string }>('POST', 'bulk/run', { ...request(), force, expected });
      await follow(id);
    });
    running.value = false;
  }

  async function follow(id: string): Promise<void> {
    for (let inVain = 0; !gone; ) {
      try {
        progress.value = await api.get<BulkProgress>(`bulk/${segment(id)}`);
        inVain = 0;
      } catch (failure) {
        inVain += 1;
        if (inVain > mostInVain || isOver(failure)) throw failure;
      }
      if (progress.value && progress.value.state !== 'running') return;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  async function caught(work: () => Promise<void>): Promise<void> {
    error.value = undefined;
    try {
      await work();
    } catch (failure) {
      error.value = failure;
    }
  }

  void count();
  return { preview, progress, error, running, count, run };
}
