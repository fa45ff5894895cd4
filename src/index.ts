/** What a module of replies needs (setting REPLIES). */
export {
  createRouter,
  type Replies,
  type ReplyContext,
  type ReplyHandler,
  type ReplyResult,
  ReplyRouter,
} from './replies/router.js';
export type {
  EventMessage,
  ImageMessage,
  InboundMessage,
  LinkMessage,
  LocationMessage,
  TextMessage,
  UnknownMessage,
  VideoMessage,
  VoiceMessage,
} from './wechat/message.js';
export {
  type Article,
  image,
  type MediaReply,
  type NewsReply,
  news,
  type Reply,
  type TextReply,
  text,
  voice,
} from './wechat/reply.js';
