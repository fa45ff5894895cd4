import { describe, expect, test } from 'vitest';
import { createProgress } from '../../src/cli/terminal/progress.js';

describe('progress', () => {
  function watch(stream: { isTTY?: boolean; columns?: number }) {
    const written: string[] = [];
    let time = 0;
    const progress = createProgress({
      ...{ total: 10_000, unit: 'messages' },
      stream: { ...stream, write: (text: string) => written.push(text) },
      now: () => time,
    });
    const advance = (by: number, ms: number) => {
      time += ms;
      progress.advance(by);
    };
    return { written, advance, end: () => progress.end() };
  }

  test('on a terminal is a bar on one line, which goes in the end', () => {
    const { written, advance, end } = watch({ isTTY: true, columns: 100 });
    advance(1_000, 1_000);
    expect(written).toEqual([
      '\r[#.............] 10 % · 1,000 of 10,000 messages · 1,000/s · 9 s left\x1b[K',
    ]);
    advance(10, 1);
    expect(written).toHaveLength(1);
    end();
    expect(written.at(-1)).toBe('\r\x1b[K');
    const narrow = watch({ isTTY: true, columns: 40 });
    narrow.advance(1_000, 1_000);
    expect(narrow.written[0]).toHaveLength('\r'.length + 39 + '\x1b[K'.length);
    const unknown = watch({ isTTY: true, columns: 0 });
    unknown.advance(1_000, 1_000);
    expect(unknown.written).toEqual(written.slice(0, 1));
  });

  test('elsewhere is a line every ten seconds, and none before', () => {
    const { written, advance, end } = watch({});
    advance(1_000, 9_999);
    expect(written).toEqual([]);
    advance(1_000, 1);
    expect(written).toEqual(['20 % · 2,000 of 10,000 messages · 200/s · 40 s left\n']);
    end();
    expect(written).toHaveLength(1);
  });
});
