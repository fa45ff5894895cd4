import { describe, expect, test } from 'vitest';
import type { MediaFile } from '../../src/sending/media-file.js';
import { createUploader } from '../../src/sending/media-upload.js';
import type { UploadOutcome } from '../../src/wechat/out/client.js';

const file: MediaFile = { content: Buffer.from('x'), hash: 'h', contentType: 'image/png', filename: 'h.png' };
const key = (appId = 'wx0', hash = 'h') => ({ appId, type: 'image', hash }) as const;

function create(answer: (appId: string) => Promise<UploadOutcome> | UploadOutcome) {
  // 15:00 UTC is 23:00 in Shanghai.
  let time = Date.parse('2026-01-01T15:00:00Z');
  const uploads: string[] = [];
  const saved: string[] = [];
  const uploader = createUploader({
    clients: {
      others: (appId) => ({
        async uploadMedia() {
          uploads.push(appId);
          return answer(appId);
        },
        downloadMedia: async () => ({ kind: 'unknown', errmsg: '' }),
        setTyping: async () => 0,
      }),
    },
    uploads: { save: async (_key, mediaId) => void saved.push(mediaId) },
    clock: () => new Date(time),
  });
  return { uploader, uploads, saved, pass: (ms: number) => (time += ms) };
}

const refused = (errcode: number): UploadOutcome => ({
  ...{ kind: 'refused', httpStatus: 200, errcode, errmsg: 'used up', errorClass: 'throttled' },
});

describe('an upload', () => {
  test('of the same file for many at once is one', async () => {
    const { uploader, uploads, saved } = create(() => ({ kind: 'uploaded', mediaId: 'M' }));
    const all = await Promise.all(Array.from({ length: 20 }, () => uploader.upload(key(), 'token', file)));
    expect(new Set(all.map((one) => one.kind === 'used' && one.mediaId))).toEqual(new Set(['M']));
    expect([uploads, saved]).toEqual([['wx0'], ['M']]);
    expect(uploader.underWay(key())).toBeUndefined();
  });

  test.each([
    [45009, 3_600_000],
    [45011, 60_000],
  ])('beyond the quota is not asked for again until that begins anew: %i', async (errcode, forMs) => {
    let answer = refused(errcode);
    const { uploader, uploads, pass } = create(() => answer);
    const quota = { kind: 'quota', errcode, errmsg: 'used up' };
    expect(await uploader.upload(key(), 'token', file)).toEqual({ ...quota, forMs });
    pass(1_000);
    expect(uploader.usedUp('wx0')).toEqual({ ...quota, forMs: forMs - 1_000 });
    expect(uploader.usedUp('wx1')).toBeUndefined();
    pass(forMs);
    expect(uploader.usedUp('wx0')).toBeUndefined();
    answer = { kind: 'uploaded', mediaId: 'M' };
    expect(await uploader.upload(key(), 'token', file)).toEqual({ kind: 'used', mediaId: 'M' });
    expect(uploads).toHaveLength(2);
  });
});
