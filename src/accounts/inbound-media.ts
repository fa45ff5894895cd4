import { pipeline, type Readable, Transform } from 'node:stream';
import { discard, type Web } from '../lib/web.js';
import type { AppCredentials, DownloadOutcome, WeChatClient } from '../wechat/out/client.js';
import type { AccessTokens } from './access-token.js';

/** A file that a user sent, as a stream. */
export interface InboundMedia {
  contentType: string;
  filename: string | undefined;
  /** In bytes, where WeChat says so. */
  length: number | undefined;
  stream: Readable;
}

/** Why a file cannot be had. */
export class MediaError extends Error {
  readonly code = 'MEDIA';
  constructor(
    mediaId: string,
    problem: string,
    readonly errcode?: number,
  ) {
    super(`Media ${mediaId}: ${errcode === undefined ? '' : `${errcode} `}${problem}`);
    this.name = 'MediaError';
  }
}

export interface InboundMediaDependencies {
  /** Each account's own: one that hangs keeps no other waiting. */
  clientOf(appId: string): Pick<WeChatClient, 'downloadMedia'>;
  tokens: AccessTokens;
  web: Web;
}

export type OpenInboundMedia = (
  account: AppCredentials,
  mediaId: string,
  options: { maxBytes?: number | undefined; signal: AbortSignal },
) => Promise<InboundMedia>;

const defaultMaxBytes = 20 * 1_024 * 1_024;

/** Opens files that users sent, with a limit to their size; videos are fetched from where WeChat says they are. */
export function createInboundMedia({ clientOf, tokens, web }: InboundMediaDependencies): OpenInboundMedia {
  async function download(
    account: AppCredentials,
    mediaId: string,
    signal: AbortSignal,
  ): Promise<DownloadOutcome> {
    const client = clientOf(account.appId);
    const token = await tokens.get(account);
    const outcome = await client.downloadMedia(token, mediaId, signal);
    if (outcome.kind !== 'refused' || outcome.errorClass !== 'token') return outcome;
    return client.downloadMedia(await tokens.replace(account, token), mediaId, signal);
  }

  return async (account, mediaId, { maxBytes = defaultMaxBytes, signal }) => {
    const outcome = await download(account, mediaId, signal);
    switch (outcome.kind) {
      case 'file': {
        const { contentType, filename, length, body } = outcome;
        return limited(mediaId, { contentType, filename, length, stream: body }, maxBytes);
      }
      case 'elsewhere': {
        const opened = await web.open(outcome.url, signal);
        if (opened.kind !== 'opened') throw new MediaError(mediaId, opened.problem);
        const { contentType, length, body } = opened;
        return limited(mediaId, { contentType, filename: undefined, length, stream: body }, maxBytes);
      }
      case 'refused':
        throw new MediaError(mediaId, outcome.errmsg, outcome.errcode);
      case 'transient':
      case 'unknown':
        throw new MediaError(mediaId, outcome.errmsg);
    }
  };
}

function limited(mediaId: string, media: InboundMedia, maxBytes: number): InboundMedia {
  const tooLarge = () => new MediaError(mediaId, `it is larger than ${maxBytes} bytes`);
  if ((media.length ?? 0) > maxBytes) {
    discard(media.stream);
    throw tooLarge();
  }
  let bytes = 0;
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > maxBytes) done(tooLarge());
      else done(null, chunk);
    },
  });
  // An error of the one ends the other; the reader sees it, and where there is none it ends nothing else.
  const stream = pipeline(media.stream, limit, () => undefined).on('error', () => undefined);
  return { ...media, stream };
}
