import { onScopeDispose, shallowReactive } from 'vue';
import type { SendRequest, SendResult, Turn } from '../../../contract/conversations.js';
import { type Api, ApiFailure } from '../../app/api.js';

/** Something an agent wrote that the server's turns do not have yet. */
export interface Unsent {
  /** Sent with every attempt: the server sends once for a key. */
  readonly key: string;
  readonly at: string;
  readonly text: string;
  readonly picture: { file: File; url: string } | null;
  state: 'waiting' | 'sending' | 'queued' | 'refused' | 'failed';
  deliveryId: string | null;
  /** Why it was refused or failed: a kind of SendResult, or a code of ApiFailure. */
  why: string | null;
}

export interface UnsentTurns {
  list: readonly Unsent[];
  write(text: string, picture: File | null): void;
  /** Under the same key. */
  again(unsent: Unsent): void;
  drop(unsent: Unsent): void;
  /** Takes away what the server has by now. */
  seen(turns: readonly Turn[]): void;
}

const busyAgainMs = [300, 800, 2_000];

export interface UnsentOptions {
  /** The conversation's, below the API. */
  path: string;
  /** Something was sent, or was not. */
  changed(): void;
  /** The page is left, and these texts were not sent: nobody sees them here any more. */
  left(texts: readonly string[]): void;
}

/** Shows at once what was written, and sends it piece by piece, so that pieces keep their order. */
export function useUnsent(api: Api, { path, changed, left }: UnsentOptions): UnsentTurns {
  const list = shallowReactive<Unsent[]>([]);
  let tail = Promise.resolve();
  let over = false;

  function update(unsent: Unsent, some: Partial<Unsent>): void {
    const index = list.findIndex((one) => one.key === unsent.key);
    const known = list[index];
    if (known) list[index] = { ...known, ...some };
  }

  function line(unsent: Unsent): void {
    tail = tail.then(async () => {
      update(unsent, { state: 'sending', why: null });
      update(unsent, await deliver(api, path, unsent));
      if (over) leave(list.filter(({ key }) => key === unsent.key));
      else changed();
    });
  }

  /** What is still on its way is looked at again when it has come to its end. */
  function leave(some: readonly Unsent[]): void {
    const stuck = some.filter(
      ({ state, text }) => text !== '' && (state === 'refused' || state === 'failed'),
    );
    if (stuck.length > 0) left(stuck.map(({ text }) => text));
  }

  function drop(unsent: Unsent): void {
    const index = list.findIndex((one) => one.key === unsent.key);
    if (index < 0) return;
    if (unsent.picture) URL.revokeObjectURL(unsent.picture.url);
    list.splice(index, 1);
  }

  onScopeDispose(() => {
    over = true;
    leave(list);
    for (const { picture } of list) if (picture) URL.revokeObjectURL(picture.url);
  });

  return {
    list,
    write(text, file) {
      const picture = file && { file, url: URL.createObjectURL(file) };
      const unsent: Unsent = { ...blank(), text, picture };
      list.push(unsent);
      line(unsent);
    },
    again: line,
    drop,
    seen(turns) {
      const ids = new Set(turns.map((turn) => ('deliveryId' in turn ? turn.deliveryId : null)));
      for (const unsent of list.filter((one) => one.deliveryId && ids.has(one.deliveryId))) drop(unsent);
    },
  };
}

function blank(): Omit<Unsent, 'text' | 'picture'> {
  return { key: randomKey(), at: new Date().toISOString(), state: 'waiting', deliveryId: null, why: null };
}

/** Not by randomUUID, which browsers have in secure contexts only: a console may stand behind plain HTTP on an own network. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

async function deliver(api: Api, path: string, unsent: Unsent): Promise<Partial<Unsent>> {
  try {
    for (let attempt = 0; ; attempt += 1) {
      const result = await api.send<SendResult>('POST', `${path}/send`, body(unsent));
      if (result.kind === 'queued') return { state: 'queued', deliveryId: result.deliveryId };
      const wait = busyAgainMs[attempt];
      if (result.kind !== 'busy' || wait === undefined) return { state: 'refused', why: result.kind };
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  } catch (error) {
    return { state: 'failed', why: error instanceof ApiFailure ? error.message || error.code : 'unknown' };
  }
}

function body({ key, text, picture }: Unsent): SendRequest | FormData {
  if (!picture) return { text, key };
  const form = new FormData();
  form.set('key', key);
  form.set('file', picture.file);
  return form;
}
