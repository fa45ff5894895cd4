import { onTestFinished } from 'vitest';
import { toStoredJson } from '../../../src/replies/context/json.js';
import { modelFile } from '../../../src/replies/model/schema.js';
import { openModel } from '../../../src/replies/model/source.js';
import type { ReplyContext, Turn } from '../../../src/replies/router.js';
import { Deferred } from '../../../src/replies/source.js';
import type { Reply } from '../../../src/wechat/out/reply.js';
import { createTestDatabase } from '../../support/database.js';
import { textMessage } from '../../support/messages.js';
import { startModelStub } from '../../support/model-stub.js';
import { replyContext } from '../../support/reply-context.js';
import { sourceServices } from '../../support/sources.js';

export interface AskOptions extends Partial<ReplyContext> {
  openid?: string;
}

/** A stub, a database, and a model that is asked as a worker would, one message after another. */
export async function setModel(settings: Record<string, unknown> = {}) {
  const stub = await startModelStub();
  onTestFinished(() => stub.close());
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const {
    apiKey: _,
    system,
    tools,
    continueNotice,
    ...parsed
  } = modelFile.parse({
    ...{ baseUrl: stub.baseUrl, model: 'stub-1' },
    ...settings,
  });
  let now: Date | undefined;
  const model = openModel(
    'model:test.yaml',
    {
      ...parsed,
      apiKey: 'test-key',
      system: typeof system === 'string' ? system : undefined,
      tools: tools.map((tool) => ({ ...tool, secret: 'tool-secret' })),
      continueNotice: continueNotice ?? '（回复“继续”）',
    },
    sourceServices({ pool: database.pool, clock: () => now ?? new Date() }),
  );
  onTestFinished(() => model.close());

  const turns: (Turn & { openid: string })[] = [];
  let lastId = 0;

  /** A context of a message; asked twice with it is the reply logic started again. */
  function contextOf(content: string, { openid = 'oUser', ...given }: AskOptions = {}): ReplyContext {
    lastId += 1;
    const results = new Map<string, unknown>();
    const before = [...turns];
    return replyContext(textMessage({ content, openid }), {
      messageId: String(lastId),
      window: { endsAt: new Date(Date.now() + 48 * 3_600_000), quota: 5 },
      history: async ({ turns: count }) => before.filter((turn) => turn.openid === openid).slice(-count),
      once: async (key, action) => {
        if (!results.has(key)) results.set(key, JSON.parse(toStoredJson(await action(), key)));
        return results.get(key) as never;
      },
      ...given,
    });
  }

  /** The texts of the answer, and what the history holds of both. */
  async function ask(content: string, options: AskOptions = {}): Promise<string[]> {
    const context = contextOf(content, options);
    const replies = toReplies(await model.answer(context));
    const { messageId } = context;
    const common = {
      at: new Date(),
      type: 'text',
      agent: undefined,
      messageId,
      openid: context.message.openid,
    };
    turns.push({ ...common, from: 'user', text: content });
    for (const reply of replies) turns.push({ ...common, from: 'replies', text: textOf(reply) });
    return replies.map(textOf);
  }

  return {
    stub,
    database,
    turns,
    contextOf,
    ask,
    answer: model.answer,
    setTime: (time: Date) => {
      now = time;
    },
    records: () =>
      database.rows<Record<string, unknown>>(
        `select message_id::text, purpose, step, outcome, finish_reason, prompt_tokens, completion_tokens, tokens_estimated,
           cost::float8 as cost, currency, error from wechat.model_call order by id`,
      ),
  };
}

export function toReplies(answer: unknown): Reply[] {
  if (answer instanceof Deferred) throw new Error(`deferred until ${answer.until.toISOString()}`);
  return [answer].flat().flatMap((one) => {
    if (one === undefined || one === null || one === false) return [];
    return [typeof one === 'string' ? { type: 'text' as const, content: one } : (one as Reply)];
  });
}

const textOf = (reply: Reply) => (reply.type === 'text' ? reply.content : `[${reply.type}]`);
