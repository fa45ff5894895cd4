import type { OutputStream } from './context.js';
import { count, duration } from './format.js';

export interface Progress {
  advance(by: number): void;
  /** Takes the bar away, so that a line can follow. */
  end(): void;
}

export interface ProgressOptions {
  total: number;
  /** What is counted, in the plural. */
  unit: string;
  stream: Pick<OutputStream, 'isTTY' | 'columns'> & { write(text: string): unknown };
  isShown?: boolean;
  now?: () => number;
}

/** With the figures of ten million it fits into 80 columns. */
const barWidth = 14;
const redrawMs = 200;
const lineMs = 10_000;

/** On a terminal a bar that is drawn over, elsewhere a line every ten seconds. */
export function createProgress({
  total,
  unit,
  stream,
  isShown = true,
  now = () => performance.now(),
}: ProgressOptions): Progress {
  const startedAt = now();
  let done = 0;
  let shownAt = stream.isTTY ? Number.NEGATIVE_INFINITY : startedAt;

  function describe(): string {
    const share = total === 0 ? 1 : Math.min(done / total, 1);
    const elapsedMs = now() - startedAt;
    const perMs = elapsedMs > 0 ? done / elapsedMs : 0;
    const parts = [
      `${Math.floor(share * 100)} %`,
      `${done.toLocaleString('en')} of ${count(total, unit, unit)}`,
      ...(perMs > 0
        ? [
            `${Math.round(perMs * 1_000).toLocaleString('en')}/s`,
            `${duration(Math.max(total - done, 0) / perMs)} left`,
          ]
        : []),
    ];
    const filled = Math.floor(share * barWidth);
    const bar = `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}]`;
    return stream.isTTY ? `${bar} ${parts.join(' · ')}` : parts.join(' · ');
  }

  return {
    advance(by) {
      done += by;
      if (!isShown || now() - shownAt < (stream.isTTY ? redrawMs : lineMs)) return;
      shownAt = now();
      // A line that wraps could not be drawn over. Some terminals say that they have 0 columns.
      if (stream.isTTY) stream.write(`\r${describe().slice(0, (stream.columns || 80) - 1)}\x1b[K`);
      else stream.write(`${describe()}\n`);
    },
    end() {
      if (isShown && stream.isTTY) stream.write('\r\x1b[K');
    },
  };
}
