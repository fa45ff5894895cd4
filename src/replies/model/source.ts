import path from 'node:path';
import { say } from '../../lib/language.js';
import type { LoadedSource, SourceServices } from '../source.js';
import { createModelAnswer } from './answer.js';
import { createBudget } from './budget.js';
import { createCallModel } from './call.js';
import { ModelFileError, readModelFile } from './file.js';
import { createModelHttp } from './http.js';
import { createMemoryStore } from './memory.js';
import { createCallRecords } from './records.js';
import { createRestStore } from './rest.js';
import type { ModelSettings } from './schema.js';
import { createTools } from './tools.js';

export interface ModelSourceOptions {
  environment: Readonly<Record<string, string | undefined>>;
  /** What the reply logic may take for one message: the model must have given up by then. */
  replyTimeoutMs: number;
}

/** What is left of the time limit for all but the model. */
const marginMs = 2_000;

/** @throws ModelFileError */
export function loadModel(file: string, { environment, replyTimeoutMs }: ModelSourceOptions): LoadedSource {
  const settings = readModelFile(path.resolve(file), environment);
  if (settings.timeout > replyTimeoutMs - marginMs) {
    const [timeout, margin, limit] = [settings.timeout, marginMs, replyTimeoutMs].map((ms) => ms / 1_000);
    const problem = say(
      `timeout is ${timeout}s: it must be ${margin} s shorter than REPLY_TIMEOUT, which is ${limit} s`,
      `timeout 是 ${timeout}s：应比 REPLY_TIMEOUT（${limit} 秒）短至少 ${margin} 秒`,
    );
    throw new ModelFileError(file, [{ line: undefined, column: undefined, problem }]);
  }
  const name = `model:${file}`;
  return {
    name,
    async open(services) {
      const isOurs = settings.accounts?.includes(services.appId) ?? true;
      return isOurs
        ? openModel(name, settings, services)
        : { name, answer: () => undefined, close: async () => undefined };
    },
  };
}

/** Serves one account by these settings. */
export function openModel(
  name: string,
  settings: ModelSettings,
  { appId, pool, proxies, clock }: SourceServices,
) {
  const http = createModelHttp(proxies);
  const answer = createModelAnswer({
    settings,
    callModel: createCallModel(settings, { fetch: http.fetchStream, clock }),
    runTool: createTools(settings.tools, http.fetch),
    records: createCallRecords(pool, settings),
    memory: createMemoryStore(pool, appId),
    rests: createRestStore(pool, appId),
    budget: settings.budget && createBudget(pool, { appId, settings: settings.budget, clock }),
    clock,
  });
  return { name, answer, close: () => http.close() };
}
