/** What tests of one's own replies need: `wechat-outbox/testing`. */

export type { Failure, FailureOptions } from './failure.js';
export { startPostgres, type TestPostgres } from './postgres.js';
export { startService, type TestService, type TestServiceOptions } from './service.js';
export type { TestPush, TestReply, TestUser, WaitOptions } from './user.js';
export { startWeChat, type TestCall, type TestWeChat, type TestWeChatOptions } from './wechat.js';
