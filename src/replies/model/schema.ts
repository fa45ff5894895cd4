import { z } from 'zod';
import { both } from '../../lib/language.js';

/** A time such as `45s` or `10m`, in ms. */
const duration = z
  .string({ error: both('must be a time such as 45s or 10m', '应是 45s、10m 这样的时间') })
  .regex(/^\d{1,5}[sm]$/, both('must be a time such as 45s or 10m', '应是 45s、10m 这样的时间'))
  .transform((text) => Number(text.slice(0, -1)) * (text.endsWith('m') ? 60_000 : 1_000));

/** Where a secret is, never what it is. */
const secret = z.union(
  [z.strictObject({ env: z.string().min(1) }), z.strictObject({ file: z.string().min(1) })],
  {
    error: both(
      'must be { env: NAME } or { file: path }: a secret is named, not written here',
      '应是 { env: 变量名 } 或 { file: 路径 }：只写密钥在哪里，不写密钥本身',
    ),
  },
);

const filled = z
  .string({ error: both('must be a text', '应是文字') })
  .trim()
  .min(1, both('is empty', '是空的'));
const url = z.url({ protocol: /^https?$/, error: both('must be an http(s) URL', '应是 http(s) 网址') });
const words = z
  .array(filled, { error: both('must be a list of words', '应是词的列表') })
  .max(50, both('has more than 50 words', '超过 50 个词'));
/** What a user gets to read. */
const said = filled.max(600, both('is longer than 600 characters', '超过 600 个字符'));
const count = (most: number) =>
  z
    .int({ error: both('must be a whole number', '应是整数') })
    .min(1, both('must be 1 at least', '至少是 1'))
    .max(most, both(`must be ${most.toLocaleString('en')} at most`, `最多是 ${most}`));

const price = z
  .number({ error: both('must be a number', '应是数字') })
  .min(0, both('must be 0 at least', '不能小于 0'));

const allowance = z.strictObject({
  messages: count(1_000_000_000).optional(),
  tokens: count(1_000_000_000_000).optional(),
});

const tool = z.strictObject({
  name: z
    .string({ error: both('must be a text', '应是文字') })
    .regex(
      /^[A-Za-z0-9_-]{1,64}$/,
      both('must be 1 to 64 letters, digits, - or _', '应是 1 到 64 个字母、数字、- 或 _'),
    ),
  description: filled,
  parameters: z
    .record(z.string(), z.json(), { error: both('must be a JSON Schema', '应是 JSON Schema') })
    .refine(
      (schema) => schema.type === 'object',
      both('must be a JSON Schema of type: object', '应是 type: object 的 JSON Schema'),
    )
    .default({ type: 'object', properties: {} }),
  url,
  secret: secret.optional(),
  timeout: duration.default(10_000),
});

/** What model.yaml says. */
export const modelFile = z.strictObject({
  baseUrl: url.transform((address) => address.replace(/\/+$/, '')),
  model: filled,
  apiKey: secret.optional(),
  system: z
    .union([filled, z.strictObject({ file: z.string().min(1) })], {
      error: both('must be a text or { file: path }', '应是文字或 { file: 路径 }'),
    })
    .optional(),
  temperature: z
    .number({ error: both('must be a number', '应是数字') })
    .min(0, both('must be 0 to 2', '应是 0 到 2'))
    .max(2, both('must be 0 to 2', '应是 0 到 2'))
    .optional(),
  maxOutputTokens: count(1_000_000).optional(),
  timeout: duration.default(45_000),
  stallTimeout: duration.default(20_000),
  tries: count(5).default(3),
  patience: duration.default(600_000),
  apology: said.default('抱歉，我现在答不上来，请稍后再试。'),
  markAsAi: z.boolean({ error: both('must be true or false', '应是 true 或 false') }).default(true),
  memory: z
    .strictObject({
      turns: count(200).default(20),
      tokens: count(1_000_000).default(3_000),
      summary: z.boolean({ error: both('must be true or false', '应是 true 或 false') }).default(true),
    })
    .prefault({}),
  resetWords: words.default(['忘记我', '/reset']),
  resetNotice: said.default('好的，之前聊过的我都不再看了。'),
  continueWords: words.default(['继续', '/more']),
  continueNotice: said.max(200, both('is longer than 200 characters', '超过 200 个字符')).optional(),
  tools: z
    .array(tool, { error: both('must be a list of tools', '应是工具的列表') })
    .max(64, both('has more than 64 tools', '超过 64 个工具'))
    .default([]),
  budget: z
    .strictObject({
      zone: z
        .string()
        .refine(
          (zone) => isZone(zone),
          both('must be a time zone such as Asia/Shanghai', '应是 Asia/Shanghai 这样的时区'),
        )
        .default('Asia/Shanghai'),
      user: allowance.optional(),
      account: allowance.optional(),
      notice: said.default('今天的对话次数用完了，请明天再来。'),
    })
    .optional(),
  prices: z
    .strictObject({
      input: price,
      output: price,
      currency: z
        .string({ error: both('must be a text', '应是文字') })
        .regex(/^[A-Z]{3}$/, both('must be a code such as CNY', '应是 CNY 这样的代码'))
        .default('CNY'),
    })
    .optional(),
  accounts: z
    .array(filled, { error: both('must be a list of AppIDs', '应是 AppID 的列表') })
    .min(1, both('is empty', '是空的'))
    .optional(),
});

/** As JSON Schema, for editors: of what people write, not of what is made of it. */
export function modelSchema(): unknown {
  return z.toJSONSchema(modelFile, { io: 'input' });
}

export type ModelFile = z.infer<typeof modelFile>;
export type SecretReference = z.infer<typeof secret>;

export interface HttpTool extends Omit<z.infer<typeof tool>, 'secret'> {
  secret: string | undefined;
}

/** The same with all that it refers to. */
export interface ModelSettings extends Omit<ModelFile, 'apiKey' | 'system' | 'tools' | 'continueNotice'> {
  apiKey: string | undefined;
  system: string | undefined;
  tools: readonly HttpTool[];
  continueNotice: string;
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
