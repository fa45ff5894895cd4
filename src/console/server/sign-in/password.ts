import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** As strong as OWASP asks of scrypt, with 32 MiB at a time. */
const current = { N: 2 ** 15, r: 8, p: 3 };

type Cost = typeof current;

const saltBytes = 16;
const hashBytes = 32;

export const longestPassword = 500;

/** `scrypt$N$r$p$salt$hash`: what it was made with stands in it, so that it may be made stronger later. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, salt, current);
  return [
    'scrypt',
    current.N,
    current.r,
    current.p,
    salt.toString('base64url'),
    hash.toString('base64url'),
  ].join('$');
}

/**
 * Whether it is the password of this record. Without one it takes as long, and is not: the time does not tell who has a
 * password here.
 */
export async function isPassword(password: string, record: string | null): Promise<boolean> {
  const { cost, salt, hash } = parse(record ?? nobodys);
  const found = await derive(password, salt, cost);
  return record !== null && timingSafeEqual(found, hash);
}

/** Whether it was made with less than today. */
export function isOutdated(record: string): boolean {
  const { N, r, p } = parse(record).cost;
  return N !== current.N || r !== current.r || p !== current.p;
}

const nobodys = ['scrypt', current.N, current.r, current.p, 'AAAAAAAAAAAAAAAAAAAAAA', 'A'.repeat(43)].join(
  '$',
);

function parse(record: string): { cost: Cost; salt: Buffer; hash: Buffer } {
  const [, N, r, p, salt = '', hash = ''] = record.split('$');
  return {
    cost: { N: Number(N), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, 'base64url'),
    hash: Buffer.from(hash, 'base64url'),
  };
}

/** The same characters, however a keyboard puts them together. */
function derive(password: string, salt: Buffer, { N, r, p }: Cost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { N, r, p, maxmem: 256 * N * r };
    scrypt(password.normalize('NFKC'), salt, hashBytes, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
