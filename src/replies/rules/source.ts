import path from 'node:path';
import { say } from '../../lib/language.js';
import type { ReplyContext } from '../router.js';
import type { Answer, LoadedSource, ReplySource, SourceServices } from '../source.js';
import { type AskedRules, createAskedRules } from './ask.js';
import { RulesFileError, readRulesFile } from './file.js';
import { type Followed, followRules } from './follow.js';
import type { NamedSource, Rules } from './rules.js';
import { createLocalTimes } from './zone-time.js';

export interface RulesOptions {
  /** Opens what an answer is left to, as REPLIES would. */
  loadSource(entry: string): Promise<LoadedSource>;
  /** Default: 2 s. */
  pauseMs?: number;
  random?(): number;
}

/** What all accounts of a process share that are answered by one file. */
interface Kept {
  asked: AskedRules;
  readonly loaded: Map<string, LoadedSource>;
}

/**
 * Rules of a file, and of whatever was put in its place since (wechat.rules_version).
 *
 * @throws RulesFileError; or what is wrong with a source that the rules name
 */
export async function loadRules(file: string, options: RulesOptions): Promise<LoadedSource> {
  const { loadSource, pauseMs = 2_000, random = Math.random } = options;
  const { text, rules } = await readRulesFile(file);
  const localTimes = createLocalTimes();
  const kept: Kept = { asked: createAskedRules(rules, localTimes), loaded: new Map() };
  const entryOf = entriesBeside(file);

  async function loadAll({ sources }: Rules): Promise<void> {
    for (const { source } of sources) {
      const entry = entryOf(source);
      if (!kept.loaded.has(entry)) kept.loaded.set(entry, await loadSource(entry));
    }
  }
  await loadAll(rules);

  let followed: Followed | undefined;
  const served = new Set<SourceServices>();
  const follow = ({ pool, log }: SourceServices) =>
    followRules({
      ...{ file, text, pool, log, pauseMs, random },
      async take(rules) {
        const asked = createAskedRules(rules, localTimes);
        for (const services of served) assertSigned(file, asked, services);
        await loadAll(rules);
        kept.asked = asked;
      },
    });

  return {
    name: file,
    async open(services) {
      assertSigned(file, kept.asked, services);
      served.add(services);
      followed ??= follow(services);
      const upToDate = followed;
      const opened = openedOnDemand(kept.loaded, services);
      const open = (source: NamedSource) => opened.get(entryOf(source));
      const answerNow = (context: ReplyContext) => answer({ context, kept, services, open });
      return {
        name: file,
        answer: (context) =>
          upToDate.isReady ? answerNow(context) : upToDate.ready.then(() => answerNow(context)),
        async close() {
          served.delete(services);
          if (served.size === 0) {
            await followed?.stop();
            followed = undefined;
          }
          await opened.close();
        },
      };
    },
  };
}

/**
 * A back end is asked by signed requests alone.
 *
 * @throws RulesFileError where rules leave answers for users of this account to one, and it has no secret
 */
function assertSigned(
  file: string,
  { sources }: Pick<Rules, 'sources'>,
  { appId, httpReplySecrets }: Pick<SourceServices, 'appId' | 'httpReplySecrets'>,
): void {
  if (httpReplySecrets.length > 0) return;
  for (const { source, accounts } of sources) {
    if (source.kind === 'http' && (accounts?.includes(appId) ?? true))
      throw new RulesFileError(
        file,
        say(
          `leaves answers to ${new URL(source.url).host}, and ${appId} has no REPLIES_HTTP_SECRET to sign requests by`,
          `把回复交给 ${new URL(source.url).host}，而 ${appId} 没有用来签名的 REPLIES_HTTP_SECRET`,
        ),
      );
  }
}

/** As REPLIES would name it: a model's file is beside the rules that name it. */
function entriesBeside(file: string): (source: NamedSource) => string {
  const directory = path.dirname(path.resolve(file));
  return (source) => (source.kind === 'http' ? source.url : `model:${path.resolve(directory, source.file)}`);
}

interface Asked {
  context: ReplyContext;
  kept: Kept;
  services: SourceServices;
  open(source: NamedSource): Promise<ReplySource>;
}

function answer({ context, kept, services, open }: Asked): ReturnType<Answer> {
  const { messages, account } = context;
  const answered = kept.asked.ask(messages, account);
  if (!answered) return undefined;
  const { rule, saying } = answered;
  services.metrics.ruleAnswers.inc({ account: account.appId, rule });
  if (services.log.isLevelEnabled('debug'))
    context.log.debug({ event: 'rule_answered', rule }, 'a rule answers');
  if (saying.kind === 'source') return open(saying.source).then((source) => source.answer(context));
  if (saying.handOver !== undefined) context.handOver(saying.handOver);
  return saying.replies;
}

/** Sources that answers of one account are left to: each is opened when the first answer is. */
function openedOnDemand(loaded: ReadonlyMap<string, LoadedSource>, services: SourceServices) {
  const opened = new Map<string, Promise<ReplySource>>();
  return {
    async get(entry: string): Promise<ReplySource> {
      const known = opened.get(entry);
      if (known) return known;
      const source = loaded.get(entry);
      if (!source) throw new Error(`${entry} was not loaded`);
      const opening = source.open(services);
      opened.set(entry, opening);
      // What could not be opened is tried again by the next message.
      opening.catch(() => opened.delete(entry));
      return opening;
    },
    async close(): Promise<void> {
      for (const opening of opened.values()) {
        const source = await opening.catch(() => undefined);
        await source?.close();
      }
    },
  };
}
