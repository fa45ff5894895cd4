import type { Lab } from './lab.ts';
import type { Measure } from './report.ts';

export interface BenchOptions {
  rounds: number;
  /** Messages of history, in millions. */
  history: number;
  /** Messages that wait, in thousands. */
  backlog: number;
  /** Folder of a database that outlives the run. */
  keep?: string;
}

/** One of the benchmarks that can be asked for by name. */
export type Benchmark = (
  lab: Lab,
  options: BenchOptions,
  progress: (what: string) => void,
) => Promise<Measure[]>;
