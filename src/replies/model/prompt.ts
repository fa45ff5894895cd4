import type { ModelMessage } from 'ai';
import type { InboundMessage } from '../../wechat/in/message.js';
import type { ReplyContext, Turn } from '../router.js';
import { type CallDependencies, type Conversation, callOnce } from './converse.js';
import { divide, type MemoryStore, type SaidTurn } from './memory.js';
import type { ModelSettings } from './schema.js';
import { ModelTrouble } from './trouble.js';

/** What the user says, as far as a model can read it; undefined for events, pictures and the like. */
export function wordsOf(messages: readonly InboundMessage[]): string | undefined {
  const words = messages.map(wordsOfOne).filter((said) => said !== undefined && said.trim() !== '');
  return words.length === 0 ? undefined : words.join('\n');
}

function wordsOfOne(message: InboundMessage): string | undefined {
  switch (message.kind) {
    case 'text':
      return message.content;
    case 'voice':
      return message.recognition;
    case 'location':
      return `[位置] ${message.label}（${message.latitude}, ${message.longitude}）`;
    case 'link':
      return `[链接] ${[message.title, message.description, message.url].filter(Boolean).join('\n')}`;
    default:
      return undefined;
  }
}

export interface PromptDependencies extends CallDependencies {
  memory: MemoryStore;
  settings: Pick<ModelSettings, 'system' | 'memory'>;
}

/** What the model is asked: the system prompt, the summary, what was said before, and what is said now. */
export async function createPrompt(
  context: ReplyContext,
  dependencies: PromptDependencies,
  { words, until }: { words: string; until: Date },
): Promise<Conversation> {
  const { memory, settings } = dependencies;
  const stored = await memory.get(context.message.openid);
  // Twice as many as are kept: what is beyond them is to be in the summary, not lost.
  const turns = await context.history({ turns: 2 * settings.memory.turns });
  const { kept, surplus } = divide(turns, stored, settings.memory);
  const summary =
    surplus.length > 0 && settings.memory.summary
      ? await addToSummary(context, dependencies, { surplus, summary: stored.summary, until })
      : stored.summary;
  const system = [settings.system, summary === undefined ? undefined : `此前对话的摘要：\n${summary}`];
  return {
    system: system.filter((part) => part !== undefined).join('\n\n') || undefined,
    messages: toMessages(kept, words),
  };
}

const summaryTask = `你为一段对话写摘要，供之后继续对话时参考。把已有的摘要和新的对话合成一份，不超过三百字：
保留用户的称呼、偏好、提到的事实和数字、约定的事和没有解决的问题，去掉寒暄。只写摘要本身。`;
const maxSummaryTokens = 800;

/** Without a summary the conversation goes on all the same: only its older part is missing, and it is tried again next time. */
async function addToSummary(
  context: ReplyContext,
  dependencies: PromptDependencies,
  { surplus, summary, until }: { surplus: readonly SaidTurn[]; summary: string | undefined; until: Date },
): Promise<string | undefined> {
  const { message, messageId, account, log } = context;
  const upTo = surplus.at(-1)?.messageId ?? '0';
  const said = surplus.map((turn) => `${speakerOf(turn)}：${turn.text}`).join('\n');
  const content = `${summary === undefined ? '' : `已有的摘要：\n${summary}\n\n`}新的对话：\n${said}`;
  try {
    const { text } = await callOnce(context, dependencies, {
      subject: { messageId, appId: account.appId, openid: message.openid, purpose: 'summary', step: 1 },
      request: {
        system: summaryTask,
        messages: [{ role: 'user', content }],
        maxOutputTokens: maxSummaryTokens,
        withTools: false,
      },
      until,
    });
    if (text.trim() === '') return summary;
    await dependencies.memory.summarise(message.openid, { text: text.trim(), upTo });
    return text.trim();
  } catch (error) {
    if (!(error instanceof ModelTrouble) || error.kind === 'stopped') throw error;
    log.warn({ event: 'model_summary_failed', error: error.message }, 'no summary of the conversation');
    return summary;
  }
}

function speakerOf({ from, agent }: Turn): string {
  if (from === 'user') return '用户';
  return from === 'agent' ? `人工客服${agent ?? ''}` : '助手';
}

/** Some servers want user and assistant in turn, the user first. An agent speaks for the account, as the model does. */
function toMessages(turns: readonly SaidTurn[], words: string): ModelMessage[] {
  const messages: { role: 'user' | 'assistant'; content: string }[] = [];
  for (const { from, text } of [...turns, { from: 'user' as const, text: words }]) {
    const role = from === 'user' ? 'user' : 'assistant';
    const last = messages.at(-1);
    if (last?.role === role) last.content += `\n${text}`;
    else if (last || role === 'user') messages.push({ role, content: text });
  }
  return messages;
}
