import { randomBytes } from 'node:crypto';

/** What a proxy may call a push: an id, and nothing that a log or a column must fear. */
const wellFormed = /^[A-Za-z0-9][A-Za-z0-9._:-]{7,63}$/;

/**
 * Names pushes: as the proxy in front did, if that is well-formed, else by a short id of our own. It is stored with every
 * message, and made for every push, so it is small and costs no randomness: a prefix of the process and a number.
 *
 * @param prefix eight characters that no other process has
 */
export function createRequestIds(prefix = randomPrefix()): (given: string | undefined) => string {
  let count = 0;
  return (given) => {
    if (given !== undefined && wellFormed.test(given)) return given;
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}

function randomPrefix(): string {
  return randomBytes(6).readUIntBE(0, 6).toString(36).padStart(8, '0').slice(-8);
}
