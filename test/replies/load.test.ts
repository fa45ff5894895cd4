import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { loadReplies } from '../../src/replies/load.js';
import { scratchDirectory } from '../support/temporary-directory.js';

test.each([
  ['is not there', undefined, /REPLIES=.*cannot be loaded/],
  ['exports nothing of use', 'export const answer = 42;', /must export "replies"/],
])('a module of replies that %s is refused with what is wrong', async (_name, source, message) => {
  const file = path.join(scratchDirectory(), 'replies.mjs');
  if (source) writeFileSync(file, source);
  await expect(loadReplies(file)).rejects.toMatchObject({
    ...{ code: 'REPLIES', message: expect.stringMatching(message) },
  });
});
