import { type Budget, createBudget } from '../lib/budget.js';
import { createShared } from '../lib/shared.js';
import type { Web } from '../lib/web.js';
import type { MediaSource, MediaType } from '../wechat/out/reply.js';
import {
  type Content,
  checkMedia,
  type MediaFile,
  maxBytesOf,
  type NoFile,
  readBody,
  readFile,
  stampOf,
} from './media-file.js';
import { freshness, isAskable, isSameFile, type Known, sourceName } from './media-freshness.js';

/** A file in memory, for as long as it is not given back. */
export interface Lent {
  kind: 'read';
  file: MediaFile;
  giveBack(): void;
}

export interface MediaReader {
  /** What a source holds: by its hash where it is known and has not changed, else by reading it. */
  look(source: MediaSource, type: MediaType): Promise<{ kind: 'known'; hash: string } | Lent | NoFile>;
  /** Its content, known or not. */
  read(source: MediaSource, type: MediaType): Promise<Lent | NoFile>;
}

export interface MediaReaderOptions {
  web: Web;
  /** Milliseconds that never run backwards. */
  now(): number;
  /** Content in memory at once, for the whole process; what does not fit waits its turn. */
  budgetBytes?: number;
}

const defaultBudgetBytes = 64 * 1_024 * 1_024;

/** Sources are named by the reply logic, and may be one for each user. */
const maxKnown = 10_000;

const readTimeoutMs = 30_000;

type Result = { kind: 'known'; hash: string } | { kind: 'read'; file: MediaFile } | NoFile;

/** What one reading works with. */
interface Reading {
  web: Web;
  now(): number;
  type: MediaType;
  /** What is known of the source, where nothing need be asked. */
  known: Known | undefined;
  /** Waits until so much may be held in memory; it is given back when nobody needs the content any more. */
  reserve(bytes: number): Promise<void>;
  remember(known: Known): void;
}

/**
 * Reads the files that replies name. One that has not changed (a file by time and size, a URL by what its server says) is read
 * and hashed once; reads under way are shared; and all content in memory together stays within a budget.
 */
export function createMediaReader({
  web,
  now,
  budgetBytes = defaultBudgetBytes,
}: MediaReaderOptions): MediaReader {
  const budget = createBudget(budgetBytes);
  const shared = createShared<Result>();
  const known = createMemory(maxKnown);

  async function join(source: MediaSource, type: MediaType, how: 'look' | 'read') {
    const name = sourceName(source, type);
    const { result, letGo } = await shared.join(`${how} ${name}`, (hold) => {
      const reading: Reading = {
        web,
        now,
        type,
        known: how === 'look' ? known.get(name) : undefined,
        reserve: (bytes) => reserve(budget, bytes, hold),
        remember: (found) => known.set(name, found),
      };
      return 'file' in source ? readFromFile(reading, source.file) : readFromWeb(reading, source.url);
    });
    if (result.kind === 'read') return { ...result, giveBack: letGo };
    letGo();
    return result;
  }

  return {
    look: (source, type) => join(source, type, 'look'),
    async read(source, type) {
      const result = await join(source, type, 'read');
      if (result.kind === 'known') throw new Error('It was to be read, known or not');
      return result;
    },
  };
}

async function reserve(budget: Budget, bytes: number, hold: (release: () => void) => void): Promise<void> {
  const drawn = await budget.draw(bytes);
  hold(() => budget.giveBack(drawn));
}

async function readFromFile(reading: Reading, file: string): Promise<Result> {
  const { known, type } = reading;
  const found = await stampOf(file, type);
  if (found.kind !== 'file') return found;
  const { stamp } = found;
  if (known?.kind === 'file' && isSameFile(known.stamp, stamp)) return { kind: 'known', hash: known.hash };
  await reading.reserve(stamp.bytes);
  // Its stamp is older than its content: should it change now, the next look sees another one.
  return checked(reading, await readFile(file, type), (hash) => ({ kind: 'file', hash, stamp }));
}

async function readFromWeb(reading: Reading, url: string): Promise<Result> {
  const { web, now, type } = reading;
  const known = reading.known?.kind === 'url' ? reading.known : undefined;
  if (known && now() < known.freshUntil) return { kind: 'known', hash: known.hash };
  const signal = AbortSignal.timeout(readTimeoutMs);
  if (known && isAskable(known)) {
    const response = await web.openIfChanged(url, known, signal);
    if (response.kind !== 'unchanged') return opened(response);
    reading.remember({ ...known, ...freshness(response.caching, known, now()) });
    return { kind: 'known', hash: known.hash };
  }
  return opened(await web.open(url, signal));

  async function opened(response: Awaited<ReturnType<Web['open']>>): Promise<Result> {
    if (response.kind !== 'opened') return { kind: response.kind, problem: `${url}: ${response.problem}` };
    await reading.reserve(Math.min(response.length ?? maxBytesOf(type), maxBytesOf(type)));
    const holds = freshness(response.caching, undefined, now());
    return checked(reading, await readBody(response, url, type), (hash) => ({ kind: 'url', hash, ...holds }));
  }
}

async function checked(
  { type, remember }: Reading,
  content: Content,
  toKnown: (hash: string) => Known,
): Promise<Result> {
  if (content.kind !== 'content') return content;
  const result = await checkMedia(content.content, type);
  if (result.kind === 'read') remember(toKnown(result.file.hash));
  return result;
}

/** The entries that were set last; what was not for longest goes first. */
function createMemory(maxEntries: number) {
  const entries = new Map<string, Known>();
  return {
    get: (name: string) => entries.get(name),
    set(name: string, known: Known) {
      entries.delete(name);
      entries.set(name, known);
      const [oldest] = entries.size > maxEntries ? entries.keys() : [];
      if (oldest !== undefined) entries.delete(oldest);
    },
  };
}
