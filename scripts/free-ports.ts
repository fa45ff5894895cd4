import { isPortFree } from '#src/db/ports.js';

/**
 * The first of `count` ports in a row that nothing listens on, below those that Linux gives to outgoing connections: any of these
 * may be taken before a process listens on it.
 */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const all = Array.from({ length: count }, (_, nth) => isPortFree(first + nth));
    if ((await Promise.all(all)).every((isFree) => isFree)) return first;
  }
}
