import type { z } from 'zod';
import { type Form, forms } from './forms.js';
import type { SettingsProblem, ValueType } from './problem.js';

const types: readonly string[] = ['object', 'array', 'string', 'number', 'boolean'] satisfies ValueType[];

/** An issue of zod's as a problem of a setting, or of a place in a file. */
export function problemOf(
  issue: z.core.$ZodIssue,
  where: string,
  given?: string | undefined,
): SettingsProblem {
  if (Object.hasOwn(forms, issue.message))
    return {
      code: 'wrongForm',
      where,
      form: issue.message as Form,
      ...(given === undefined ? {} : { given }),
    };
  if (issue.code === 'unrecognized_keys') return { code: 'unknownKeys', where, keys: issue.keys };
  if (issue.code === 'invalid_type' && types.includes(issue.expected))
    return { code: 'wrongType', where, expected: issue.expected as ValueType };
  return { code: 'other', where, text: issue.message };
}
