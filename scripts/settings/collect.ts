import { z } from 'zod';
import type { AboutSetting, SettingGroup } from '#src/config/about.js';
import type { oneAccount, settings } from '#src/config/schema.js';

export type SettingName = keyof typeof settings.shape | keyof typeof oneAccount.shape;

/** In the order of the pages. */
export const groups: readonly SettingGroup[] = [
  'account',
  'replies',
  'sending',
  'database',
  'servers',
  'network',
  'limits',
  'history',
  'console',
  'others',
];

/** What a setting may be, where its schema can tell. */
export type Values =
  | { kind: 'one of'; words: readonly string[] }
  | { kind: 'number'; least: number | undefined; most: number | undefined }
  | { kind: 'text'; longest: number };

export interface Setting extends AboutSetting {
  name: SettingName;
  fallback: string | undefined;
  values: Values | undefined;
}

/**
 * Every setting, as its schema has it.
 *
 * @param schemas by name: those of src/config/schema.ts, which a test has as source and a script as built
 * @throws Error for a setting that says nothing of itself
 */
export function collectSettings(schemas: Readonly<Record<SettingName, z.ZodType>>): Setting[] {
  return Object.entries(schemas).map(([name, shape]) => {
    const about = shape.meta() as AboutSetting | undefined;
    if (!about?.summary)
      throw new Error(`${name} says nothing of itself: let its schema end with .meta(about(…))`);
    const { inner, fallback } = unwrap(shape);
    return {
      ...about,
      name: name as SettingName,
      fallback: fallback === undefined || fallback === '' ? undefined : String(fallback),
      values: valuesOf(inner),
    };
  });
}

/** What is written in the environment, beneath all that is made of it. */
function unwrap(shape: z.core.$ZodType): { inner: z.core.$ZodType; fallback: unknown } {
  const { def } = (shape as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'default':
    case 'prefault':
      return { ...unwrap(def.innerType), fallback: def.defaultValue };
    case 'optional':
    case 'catch':
      return unwrap(def.innerType);
    case 'pipe':
      return unwrap(def.in);
    default:
      return { inner: shape, fallback: undefined };
  }
}

function valuesOf(inner: z.core.$ZodType): Values | undefined {
  const json = z.toJSONSchema(inner, { io: 'input', unrepresentable: 'any' });
  if (json.enum) {
    // `1` and `0` are other words for `true` and `false`.
    const words = json.enum.map(String);
    return { kind: 'one of', words: words.includes('true') ? ['true', 'false'] : words };
  }
  if (json.type === 'number' || json.type === 'integer') {
    const [least, most] = [json.minimum, json.maximum].map((limit) =>
      limit === undefined || Math.abs(limit) === Number.MAX_SAFE_INTEGER ? undefined : limit,
    );
    return { kind: 'number', least, most };
  }
  return json.maxLength === undefined ? undefined : { kind: 'text', longest: json.maxLength };
}
