/** What the Chinese file of an area must have: the English one's keys, each with a text of its own. */
export type SameKeys<Words> = {
  readonly [Key in keyof Words]: Words[Key] extends string ? string : SameKeys<Words[Key]>;
};
