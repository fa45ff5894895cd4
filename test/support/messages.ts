import { type EventMessage, toEvent } from '../../src/wechat/in/events.js';
import type { FieldMap } from '../../src/wechat/in/fields.js';
import type { TextMessage } from '../../src/wechat/in/message.js';

let lastMsgId = 23_456_789_012_345_678n;

/** A MsgId that no test has used: beyond 2^53, as WeChat's are. */
function nextMsgId(): string {
  lastMsgId += 1n;
  return String(lastMsgId);
}

export function textMessage(overrides: Partial<TextMessage> = {}): TextMessage {
  const openid = overrides.openid ?? 'oUser';
  const createTime = overrides.createTime ?? Math.floor(Date.now() / 1_000);
  const content = overrides.content ?? 'hello';
  const msgId = 'msgId' in overrides ? overrides.msgId : nextMsgId();
  const fields: FieldMap = {
    ToUserName: 'gh_account',
    FromUserName: openid,
    CreateTime: String(createTime),
    MsgType: 'text',
    Content: content,
    ...(msgId === undefined ? {} : { MsgId: msgId }),
  };
  return { kind: 'text', toUserName: 'gh_account', openid, createTime, content, msgId, fields, ...overrides };
}

export function eventMessage(
  name: string,
  {
    openid = 'oUser',
    createTime = Math.floor(Date.now() / 1_000),
    eventKey = '',
    ...more
  }: EventDetails = {},
): EventMessage {
  const fields: FieldMap = {
    ToUserName: 'gh_account',
    FromUserName: openid,
    CreateTime: String(createTime),
    MsgType: 'event',
    Event: name,
    EventKey: eventKey,
    ...more.fields,
  };
  return toEvent({ toUserName: 'gh_account', openid, createTime, fields }, name);
}

interface EventDetails {
  openid?: string;
  createTime?: number;
  eventKey?: string;
  fields?: FieldMap;
}
