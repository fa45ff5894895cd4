/** What the reply logic asked of its context cannot be done. Nothing was stored. */
export class ContextError extends Error {
  readonly code = 'CONTEXT';
  constructor(problem: string) {
    super(problem);
    this.name = 'ContextError';
  }
}
