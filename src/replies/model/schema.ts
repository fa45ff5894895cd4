import { z } from 'zod';

/** A time such as `45s` or `10m`, in ms. */
const duration = z
  .string({ error: 'must be a time such as 45s or 10m' })
  .regex(/^\d{1,5}[sm]$/, 'must be a time such as 45s or 10m')
  .transform((text) => Number(text.slice(0, -1)) * (text.endsWith('m') ? 60_000 : 1_000));

/** Where a secret is, never what it is. */
const secret = z.union(
  [z.strictObject({ env: z.string().min(1) }), z.strictObject({ file: z.string().min(1) })],
  { error: 'must be { env: NAME } or { file: path }: a secret is named, not written here' },
);

const filled = z.string({ error: 'must be a text' }).trim().min(1, 'is empty');
const url = z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' });
const words = z.array(filled, { error: 'must be a list of words' }).max(50, 'has more than 50 words');
/** What a user gets to read. */
const said = filled.max(600, 'is longer than 600 characters');
const count = (most: number) =>
  z
    .int({ error: 'must be a whole number' })
    .min(1, 'must be 1 at least')
    .max(most, `must be ${most.toLocaleString('en')} at most`);

const allowance = z.strictObject({
  messages: count(1_000_000_000).optional(),
  tokens: count(1_000_000_000_000).optional(),
});

const tool = z.strictObject({
  name: z
    .string({ error: 'must be a text' })
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, - or _'),
  description: filled,
  parameters: z
    .record(z.string(), z.json(), { error: 'must be a JSON Schema' })
    .refine((schema) => schema.type === 'object', 'must be a JSON Schema of type: object')
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
      error: 'must be a text or { file: path }',
    })
    .optional(),
  temperature: z
    .number({ error: 'must be a number' })
    .min(0, 'must be 0 to 2')
    .max(2, 'must be 0 to 2')
    .optional(),
  maxOutputTokens: count(1_000_000).optional(),
  timeout: duration.default(45_000),
  stallTimeout: duration.default(20_000),
  tries: count(5).default(3),
  patience: duration.default(600_000),
  apology: said.default('抱歉，我现在答不上来，请稍后再试。'),
  markAsAi: z.boolean({ error: 'must be true or false' }).default(true),
  memory: z
    .strictObject({
      turns: count(200).default(20),
      tokens: count(1_000_000).default(3_000),
      summary: z.boolean({ error: 'must be true or false' }).default(true),
    })
    .prefault({}),
  resetWords: words.default(['忘记我', '/reset']),
  resetNotice: said.default('好的，之前聊过的我都不再看了。'),
  continueWords: words.default(['继续', '/more']),
  continueNotice: said.max(200, 'is longer than 200 characters').optional(),
  tools: z.array(tool, { error: 'must be a list of tools' }).max(64, 'has more than 64 tools').default([]),
  budget: z
    .strictObject({
      zone: z
        .string()
        .refine((zone) => isZone(zone), 'must be a time zone such as Asia/Shanghai')
        .default('Asia/Shanghai'),
      user: allowance.optional(),
      account: allowance.optional(),
      notice: said.default('今天的对话次数用完了，请明天再来。'),
    })
    .optional(),
  prices: z
    .strictObject({
      input: z.number({ error: 'must be a number' }).min(0),
      output: z.number({ error: 'must be a number' }).min(0),
      currency: z
        .string({ error: 'must be a text' })
        .regex(/^[A-Z]{3}$/, 'must be a code such as CNY')
        .default('CNY'),
    })
    .optional(),
  accounts: z.array(filled, { error: 'must be a list of AppIDs' }).min(1, 'is empty').optional(),
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
