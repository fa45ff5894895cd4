import { type EventCommon, type FieldMap, listField, textField } from './fields.js';

/** What a user chose about the subscription messages of a template, or what became of one that was sent. */
export interface SubscribeMessageItem {
  templateId: string;
  /** SubscribeStatusString: `accept` or `reject`; of the first two events. */
  status?: string | undefined;
  /** Where the user was asked: `1` a web page, `2` an article. */
  popupScene?: string | undefined;
  /** Of a message that was sent; `errorCode` is `0` where it arrived. */
  msgId?: string | undefined;
  errorCode?: string | undefined;
  errorStatus?: string | undefined;
  /** Every field as sent. */
  fields: FieldMap;
}

/** Answers to, changes of and results of subscription messages. */
export interface SubscribeMessageEvent extends EventCommon {
  event: 'subscribe_msg_popup_event' | 'subscribe_msg_change_event' | 'subscribe_msg_sent_event';
  /** One for each template, in the order in which they came. */
  items: SubscribeMessageItem[];
}

/** The elements that hold the entries in XML. One documented sample has that of another event: any of them counts. */
const wrappers = ['SubscribeMsgPopupEvent', 'SubscribeMsgChangeEvent', 'SubscribeMsgSentEvent'];

export function toSubscribeMessageEvent(
  base: EventCommon,
  event: SubscribeMessageEvent['event'],
): SubscribeMessageEvent {
  return { ...base, event, items: entries(base.fields).map(toItem) };
}

/** In JSON `List` stands at the top, an object for one entry and an array for several; in XML in an element. */
function entries(fields: FieldMap): FieldMap[] {
  const wrapped = wrappers.flatMap((wrapper) =>
    listField(fields, wrapper).flatMap((entry) =>
      entry.List === undefined ? [entry] : listField(entry, 'List'),
    ),
  );
  return [...listField(fields, 'List'), ...wrapped];
}

function toItem(fields: FieldMap): SubscribeMessageItem {
  const optional = (name: string) => textField(fields, name) || undefined;
  return {
    templateId: textField(fields, 'TemplateId') ?? '',
    status: optional('SubscribeStatusString'),
    popupScene: optional('PopupScene'),
    msgId: optional('MsgID'),
    errorCode: optional('ErrorCode'),
    errorStatus: optional('ErrorStatus'),
    fields,
  };
}
