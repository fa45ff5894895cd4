import type { AccountState } from '../state/accounts.js';
import type { Media } from '../state/media.js';
import { examine, isMediaType } from '../state/media-formats.js';
import type { ApiRequest } from './request.js';
import { type ApiResponse, refuse } from './responses.js';

/** The calls about temporary media, for a token that has been checked, and the link to a video, which needs none. */
export interface MediaRoutes {
  upload(account: AccountState, request: ApiRequest): ApiResponse;
  download(account: AccountState, request: ApiRequest): ApiResponse;
  video(request: ApiRequest): ApiResponse;
}

/** Where the link to a video leads: to a server of WeChat's that is not the API. */
export const videoPath = '/simulated-video';

export function createMediaRoutes(media: Media): MediaRoutes {
  return {
    upload({ account: { appId } }, { query, body: { file } }) {
      const type = query.get('type');
      if (!isMediaType(type)) return refuse(40004);
      if (!file) return refuse(41005);
      const examined = examine(type, file.bytes);
      if ('errcode' in examined) return refuse(examined.errcode);
      const { at, mediaId } = media.upload(appId, { type, ...file, ...examined });
      const createdAt = Math.floor(at / 1_000);
      return {
        json: { type, [type === 'thumb' ? 'thumb_media_id' : 'media_id']: mediaId, created_at: createdAt },
      };
    },

    download({ account: { appId } }, { query, host }) {
      const mediaId = query.get('media_id');
      if (!mediaId) return refuse(41006);
      const found = media.find(mediaId, appId);
      if (!found) return refuse(40007);
      if (found.type !== 'video') return { file: found };
      return { json: { video_url: `http://${host}${videoPath}?media_id=${mediaId}` } };
    },

    video({ query }) {
      const found = media.findByLink(query.get('media_id') ?? '');
      return found ? { file: found } : { httpStatus: 404 };
    },
  };
}
