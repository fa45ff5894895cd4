import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FitOptions, fitReplies, maxTextBytes, splitText } from '../../src/replies/fit.js';
import type { ReplyResult } from '../../src/replies/router.js';
import { InvalidReplyError } from '../../src/replies/validate.js';
import { fromAgent, image, news, type Reply, text } from '../../src/wechat/out/reply.js';

const generous: FitOptions = { onOverflow: 'cut', notice: '…cut' };

function repliesTo(result: ReplyResult): Reply[] {
  const fitted = fitReplies(result, generous);
  return fitted.kind === 'fits' ? fitted.replies : [];
}

describe('what the reply logic returns', () => {
  test('may be nothing, a string, a reply or several', () => {
    expect(repliesTo(undefined)).toEqual([]);
    expect(repliesTo(null)).toEqual([]);
    expect(repliesTo('hi')).toEqual([text('hi')]);
    expect(repliesTo(['hi', text('there')])).toEqual([text('hi'), text('there')]);
  });

  test('with several articles goes out as that many messages, in order', () => {
    expect(repliesTo(news({ title: 'a' }, { title: 'b' }, { title: 'c' }))).toEqual([
      news({ title: 'a' }),
      news({ title: 'b' }),
      news({ title: 'c' }),
    ]);
  });

  test.each([
    ['true', true],
    ['a number', 7],
    ['a text without content', { type: 'text' }],
    ['news without an article', { type: 'news', articles: [] }],
    ['an article without a title', { type: 'news', articles: [{}] }],
    ['an image without its media', { type: 'image' }],
    ['an unknown type', { type: 'hologram' }],
    ['a number among replies', ['ok', 7]],
  ])('is refused when it is %s', (_name, result) => {
    expect(() => repliesTo(result as never)).toThrow(InvalidReplyError);
  });
});

describe('nothing to say', () => {
  test.each([
    ['undefined', undefined],
    ['null', null],
    ['false', false],
    ['an empty text', ''],
    ['blanks', ' \n\t\u3000'],
    ['an empty list', []],
    ['a list of nothing', [undefined, null, false, '', ' ']],
    ['a text reply without a text', text('')],
    ['control characters alone', '\u0000\u001b\u007f'],
  ])('is %s', (_name, result) => {
    expect(fitReplies(result as ReplyResult, { ...generous, quota: 5 })).toEqual({
      kind: 'fits',
      replies: [],
      cut: undefined,
    });
  });

  test('is left out among what there is to say, and takes none of the allowance', () => {
    expect(fitReplies(['', 'ok', null, ' ', false, text('\n'), 'well'], { ...generous, quota: 2 })).toEqual({
      kind: 'fits',
      replies: [text('ok'), text('well')],
      cut: undefined,
    });
  });
});

describe('control characters', () => {
  const all = Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join('');

  test('go, but for line breaks and tabs', () => {
    expect(repliesTo(`a${all}b\u007f\u0085c`)).toEqual([text('a\t\n\nbc')]);
    expect(repliesTo('one\r\ntwo\rthree')).toEqual([text('one\ntwo\nthree')]);
  });

  test('go with what they begin: the colours of a terminal', () => {
    expect(repliesTo('\u001b[1;31mred\u001b[0m \u001b]0;title\u0007\u001b[2Kplain')).toEqual([
      text('red plain'),
    ]);
  });

  test('go from titles, menus and the like as well, and nothing else does', () => {
    const dirty = 'a\u001db';
    expect(repliesTo(news({ title: dirty, description: dirty }))).toEqual([
      news({ title: 'ab', description: 'ab' }),
    ]);
    expect(
      repliesTo({ type: 'msgmenu', head: dirty, entries: [{ id: '1', content: dirty }], tail: dirty }),
    ).toEqual([{ type: 'msgmenu', head: 'ab', entries: [{ id: '1', content: 'ab' }], tail: 'ab' }]);
    for (const kept of ['\u2028', '\u200d', '👨‍👩‍👧', '\u00a0'])
      expect(repliesTo(`a${kept}b`)).toEqual([text(`a${kept}b`)]);
    // The name of a file is what it is.
    expect(repliesTo(image({ file: `/tmp/${dirty}` }))).toEqual([image({ file: `/tmp/${dirty}` })]);
  });
});

describe('a very long reply', () => {
  test.each([
    ['a text', '字'.repeat(22_000)],
    ['several texts', ['字'.repeat(11_000), '字'.repeat(11_000)]],
    ['a title', news({ title: '字'.repeat(22_000) })],
    ['a megabyte', '<a>'.repeat(400_000)],
  ])('is refused with its length: %s', (_name, result) => {
    for (const quota of [undefined, 5]) {
      expect(fitReplies(result as ReplyResult, { ...generous, quota })).toEqual({
        kind: 'refused',
        problem: expect.stringMatching(
          /^the reply has [\d,]+ bytes of text, and at most 65,536 can be sent$/,
        ),
      });
    }
  });

  test('of just the limit is not', () => {
    expect(fitReplies('a'.repeat(65_536), { ...generous, quota: 5 })).toMatchObject({ kind: 'fits' });
    expect(fitReplies('a'.repeat(65_537), generous)).toMatchObject({ kind: 'refused' });
  });

  test('has no more parts computed than can be sent, and says at least how many there would be', () => {
    expect(splitText('word '.repeat(10_000), 2_048, 3)).toHaveLength(3);
    expect(fitReplies('word '.repeat(10_000), { ...generous, quota: 2 })).toMatchObject({
      cut: 'the reply was cut: at least 3 messages, and the reply window allows 2',
    });
  });

  test.each([
    ['beginnings of links', '<a>'],
    ['links', '<a>x</a>'],
    ['open links with blanks', '<a \n'],
    ['marks on one letter', '\u0301'],
    ['line breaks', '\n'],
    ['blanks after a line break', '\n   '],
    ['sentences', '。'],
    ['quotes', '!”'],
    ['joined pictures', '👨‍👩‍👧'],
  ])('is split in a time that grows as its length: %s', (_name, piece) => {
    const cpuMs = (length: number) => {
      const content = piece.repeat(length / piece.length);
      let least = Number.POSITIVE_INFINITY;
      for (let time = 0; time < 3; time += 1) {
        const before = process.cpuUsage();
        splitText(content, 2_048);
        const { user, system } = process.cpuUsage(before);
        least = Math.min(least, (user + system) / 1_000);
      }
      return least;
    };
    // 8 times the length: what is quadratic takes 64 times as long.
    expect(cpuMs(160_000)).toBeLessThan(Math.max(cpuMs(20_000), 2) * 24);
  });
});

describe('a long text', () => {
  test('is split into parts that fit, and loses nothing but white space at the cuts', () => {
    const words = fc.array(
      fc.constantFrom('word', '中文，', '。', '\n', '\n\n', ' ', '😀', '👨‍👩‍👧', 'é', 'x'.repeat(50)),
      { maxLength: 400 },
    );
    fc.assert(
      fc.property(words, fc.integer({ min: 30, max: 300 }), (pieces, max) => {
        const content = pieces.join('');
        const parts = splitText(content, max);
        for (const part of parts) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(max);
        expect(parts.join('').replace(/\s/g, '')).toBe(content.replace(/\s/g, ''));
        for (const part of parts) expect(part.isWellFormed()).toBe(true);
      }),
    );
  });

  test('is cut at a paragraph rather than a line, at a line rather than a sentence', () => {
    const line = '一二三四五。';
    const max = Buffer.byteLength(line) * 5;
    expect(splitText(`${line}${line}${line}\n${line}\n\n${line}${line}`, max)[0]).toBe(
      `${line}${line}${line}\n${line}`,
    );
    expect(splitText(`${line}${line}${line}\n${line}${line}${line}`, max)[0]).toBe(`${line}${line}${line}`);
    expect(splitText(line.repeat(6), max)[0]).toBe(line.repeat(5));
  });

  test('is never cut inside a link', () => {
    const link = '<a href="https://example.com/some/path">a few words. And more</a>';
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: 120 }), (before, after) => {
        const parts = splitText(`${'a '.repeat(before)}${link}${' b'.repeat(after)}`, 150);
        expect(parts.filter((part) => part.includes(link))).toHaveLength(1);
      }),
    );
  });

  test('of exactly the limit stays whole', () => {
    expect(repliesTo(`${'中'.repeat(682)}ab`)).toHaveLength(1);
    expect(repliesTo('中'.repeat(683))).toHaveLength(2);
    expect(maxTextBytes).toBe(2_048);
  });
});

describe('a reply with more messages than the reply window allows', () => {
  const five = ['one', 'two', 'three', 'four', 'five'];

  test('is left alone when it just fits, or when no allowance is known', () => {
    expect(fitReplies(five, { ...generous, quota: 5 })).toEqual({
      kind: 'fits',
      replies: five.map(text),
      cut: undefined,
    });
    expect(fitReplies(five, generous)).toMatchObject({ cut: undefined });
  });

  test('is cut, and the last text that goes out says so', () => {
    expect(fitReplies(five, { ...generous, quota: 3 })).toEqual({
      kind: 'fits',
      replies: [text('one'), text('two'), text('three…cut')],
      cut: 'the reply was cut: 5 messages, and the reply window allows 3',
    });
  });

  test('is cut with a message of its own where the last is no text, by the same agent', () => {
    const replies = ['one', fromAgent('anna@shop', image('M_1')), 'three'];
    expect(fitReplies(replies, { ...generous, quota: 2 })).toMatchObject({
      replies: [text('one'), fromAgent('anna@shop', text('…cut'))],
    });
  });

  test('counts what its parts come to: one long text may be too much', () => {
    const fitted = fitReplies('字'.repeat(4_000), { ...generous, quota: 3 });
    if (fitted.kind !== 'fits') throw new Error('it should be cut');
    expect(fitted.replies).toHaveLength(3);
    for (const reply of fitted.replies) {
      if (reply.type !== 'text') throw new Error('it should be text');
      expect(Buffer.byteLength(reply.content)).toBeLessThanOrEqual(maxTextBytes);
    }
    expect(fitted.replies.at(-1)).toMatchObject({ content: expect.stringMatching(/字…cut$/) });
  });

  test('is not cut inside a link', () => {
    const link = `<a href="https://example.com/${'x'.repeat(100)}">a link</a>`;
    const [only] = repliesOfOne(`${'字'.repeat(650)}${link}`.repeat(2));
    expect(only).toMatch(/字…cut$/);
  });

  test('is refused where the account wants that', () => {
    expect(fitReplies(five, { quota: 3, onOverflow: 'refuse', notice: '' })).toEqual({
      kind: 'refused',
      problem: 'the reply has 5 messages, and the reply window allows 3',
    });
  });

  function repliesOfOne(content: string): string[] {
    const fitted = fitReplies(content, { ...generous, quota: 1 });
    if (fitted.kind !== 'fits') throw new Error('it should be cut');
    return fitted.replies.map((reply) => (reply.type === 'text' ? reply.content : reply.type));
  }
});
