/** One thing to ask for in a dialog. */
export interface Field {
  name: string;
  label: string;
  value: string;
  type?: 'text' | 'number' | undefined;
  /** Default: it must not be empty. */
  mayBeEmpty?: boolean | undefined;
}
