/** The move cannot go on as things are; the message says why, and what to do. Run again, the command goes on from there. */
export class MoveError extends Error {
  readonly code = 'MOVE';
  override readonly name = 'MoveError';
}
