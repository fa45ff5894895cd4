import type { Reply } from '../../wechat/out/reply.js';
import type { Awaitable, ReplyContext } from '../router.js';

/** Words of a category that were found: what is on record, and never the words themselves. */
export interface Finding {
  /** Of the reply, from 1; 0: the user wrote it. */
  position: number;
  category: string;
  action: 'refuse' | 'mask' | 'handOver';
  places: number;
}

/** What one check says of one reply. `findings` are told in any case. */
export type Verdict = (
  | { kind: 'pass'; reply: Reply }
  /** It is not sent, and the others are. */
  | { kind: 'takeOut' }
  /** None is sent, but for `instead`. Without that, the message fails. */
  | { kind: 'refuse'; reason: string; instead?: string | undefined }
  /** None is sent, but for `instead`, and a person is asked for. */
  | { kind: 'handOver'; reason: string; instead?: string | undefined }
) & { findings?: readonly Finding[] };

/** Looks at each reply that is about to be stored. What it throws is an error of the reply logic. */
export type Check = (reply: Reply, context: ReplyContext, position: number) => Awaitable<Verdict>;
