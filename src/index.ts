/** What a module of replies needs (setting REPLIES). */

export { type InboundMedia, MediaError } from './accounts/inbound-media.js';
export { InvalidCallError, WeChatCallError } from './accounts/wechat-call.js';
export { ContextError } from './replies/context/errors.js';
export {
  type BeforeSend,
  type BeforeSendResult,
  type ConversationState,
  createRouter,
  type JsonValue,
  type Replies,
  type ReplyContext,
  type ReplyHandler,
  type ReplyResult,
  ReplyRouter,
  type StoredState,
  type Turn,
  type WeChatAccess,
} from './replies/router.js';
export { InvalidHandOverError } from './replies/validate.js';
export type {
  BusinessEvent,
  CardEvent,
  CardMerchantEvent,
  CardOrderEvent,
  CardReviewEvent,
  CardStockEvent,
  InvoiceEvent,
  PublishFinishEvent,
  UserDataEvent,
  VerificationEvent,
} from './wechat/in/business-events.js';
export type {
  AgentSessionEvent,
  AgentSwitchEvent,
  ClickEvent,
  EventMessage,
  JobFinishEvent,
  LocationEvent,
  LocationSelectEvent,
  OtherEvent,
  PicturesEvent,
  ScanCodeEvent,
  ScanEvent,
  SubscribeEvent,
  UnsubscribeEvent,
  ViewEvent,
  ViewMiniProgramEvent,
} from './wechat/in/events.js';
export type { FieldMap, FieldValue } from './wechat/in/fields.js';
export type {
  ImageMessage,
  InboundMessage,
  LinkMessage,
  LocationMessage,
  TextMessage,
  UnknownMessage,
  VideoMessage,
  VoiceMessage,
} from './wechat/in/message.js';
export type { SubscribeMessageEvent, SubscribeMessageItem } from './wechat/in/subscribe-message-events.js';
export type { ErrorClass } from './wechat/out/error-code.js';
export {
  type Article,
  byAi,
  type CardReply,
  card,
  fromAgent,
  image,
  type Media,
  type MediaReply,
  type MediaSource,
  type MenuReply,
  type MiniProgramReply,
  type MpNewsArticleReply,
  type MpNewsReply,
  type MusicReply,
  menu,
  miniProgram,
  mpNews,
  mpNewsArticle,
  music,
  type NewsReply,
  news,
  type Reply,
  type TextReply,
  text,
  type VideoReply,
  video,
  voice,
} from './wechat/out/reply.js';
