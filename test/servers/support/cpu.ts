import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second on Linux. */
const ticks = 100;

interface Stat {
  pid: number;
  parent: number;
  seconds: number;
}

/** Source: proc(5): state, ppid, … utime and stime are the fields 14 and 15; the name may hold blanks. */
function readStat(pid: string): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [parent, user, system] = [fields[1], fields[11], fields[12]].map(Number);
    return { pid: Number(pid), parent: parent ?? 0, seconds: ((user ?? 0) + (system ?? 0)) / ticks };
  } catch {
    return undefined;
  }
}

/** CPU seconds that a process and its children have taken so far. */
export function cpuSeconds(pid: number): number {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(name) ?? []);
  return all
    .filter((stat) => stat.pid === pid || stat.parent === pid)
    .reduce((sum, { seconds }) => sum + seconds, 0);
}
