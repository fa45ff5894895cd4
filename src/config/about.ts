/** The parts into which the page of settings is divided. */
export type SettingGroup =
  | 'account'
  | 'replies'
  | 'sending'
  | 'database'
  | 'servers'
  | 'network'
  | 'limits'
  | 'history'
  | 'console'
  | 'others';

/** What holds without a setting: in words, or a value that the schema does not know. */
export type AbsentSetting =
  | 'required'
  | 'none'
  | 'embedded PostgreSQL'
  | 'required by the default replies'
  | 'the default replies'
  | 'required by http(s) addresses in REPLIES'
  | { value: string };

/** What the page of settings and .env.example say of a setting, beside what its schema says. */
export type AboutSetting = {
  group: SettingGroup;
  /** Markdown, a sentence or a few. */
  summary: string;
  /** For one without a default in the schema. */
  absent?: AbsentSetting;
  /** Its key in ACCOUNTS_FILE, where each account may have its own. */
  accountKey?: string;
  /** A value for .env.example, where the default shows too little. */
  example?: string;
};

/** For `.meta()`, which comes last: every other method of zod makes a new schema, of which nothing is known. */
export function about(
  group: SettingGroup,
  summary: string,
  more: Omit<AboutSetting, 'group' | 'summary'> = {},
): AboutSetting {
  return { group, summary, ...more };
}
