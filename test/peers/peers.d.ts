/** The parts that are used of packages without types. */

declare module 'wechat-crypto' {
  class WXBizMsgCrypt {
    constructor(token: string, encodingAesKey: string, appId: string);
    encrypt(message: string): string;
    decrypt(encrypted: string): { message: string; id: string };
    getSignature(timestamp: string, nonce: string, encrypted: string): string;
  }
  export = WXBizMsgCrypt;
}

declare module 'co-wechat' {
  import type { Context, Middleware } from 'koa';

  type Message = Record<string, unknown>;
  function wechat(config: { token: string; appid: string; encodingAESKey: string }): {
    middleware(handle: (message: Message, context: Context) => Promise<string>): Middleware;
  };
  export = wechat;
}

declare module 'co-wechat-api' {
  type Answer = Promise<Record<string, unknown>>;
  class WechatApi {
    constructor(appId: string, appSecret: string);
    prefix: string;
    getAccessToken(): Answer;
    sendText(openid: string, text: string): Answer;
    sendImage(openid: string, mediaId: string): Answer;
    sendVoice(openid: string, mediaId: string): Answer;
    sendVideo(openid: string, mediaId: string, thumbMediaId: string): Answer;
    sendMusic(openid: string, music: Record<string, string>): Answer;
    sendNews(openid: string, articles: readonly Record<string, string>[]): Answer;
    sendMpNews(openid: string, mediaId: string): Answer;
    sendCard(openid: string, cardId: string): Answer;
    sendMiniProgram(openid: string, miniProgram: Record<string, string>): Answer;
    uploadMedia(path: string | Buffer, type: string, filename?: string, mime?: string): Answer;
  }
  export = WechatApi;
}
