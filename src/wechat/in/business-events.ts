import { type EventCommon, nestedFields, textField } from './fields.js';

/**
 * Events of cards, articles and the account itself. Only fields are named here that the reference or its samples have; all
 * others are in `fields`. Source: the pages of cards and coupons, invoices, publishing, verification and user data.
 */

/** What a user did with a card of theirs, or what was done to it. */
export interface CardEvent extends EventCommon {
  event:
    | 'user_get_card'
    | 'user_gifting_card'
    | 'user_del_card'
    | 'user_consume_card'
    | 'user_view_card'
    | 'user_enter_session_from_card'
    | 'user_pay_from_pay_cell'
    | 'update_member_card'
    | 'submit_membercard_user_info';
  /** Which card; users have many of one kind. */
  cardId: string;
  /** This user's card of that kind. */
  userCardCode: string;
  /** Of a card that is given on: the other user. */
  friendUserName?: string | undefined;
  /** `1`: a card that was given on came back. */
  isReturnBack?: string | undefined;
  verifyCode?: string | undefined;
  outerStr?: string | undefined;
  /** Of a payment with the card. */
  transId?: string | undefined;
  /** Of a membership card. */
  modifyBonus?: string | undefined;
  modifyBalance?: string | undefined;
}

/** A kind of card was examined by the platform. */
export interface CardReviewEvent extends EventCommon {
  event: 'card_pass_check' | 'card_not_pass_check';
  cardId: string;
}

/** Few cards of a kind are left. */
export interface CardStockEvent extends EventCommon {
  event: 'card_sku_remind';
  cardId: string;
  detail?: string | undefined;
}

/** The account's coins for cards were bought or used. */
export interface CardOrderEvent extends EventCommon {
  event: 'card_pay_order';
  orderId: string;
}

export interface CardMerchantEvent extends EventCommon {
  event: 'card_merchant_check_result';
  merchantId: string;
}

/** A user gave leave for an invoice, or it could not be made. */
export interface InvoiceEvent extends EventCommon {
  event: 'user_authorize_invoice';
  succOrderId?: string | undefined;
  failOrderId?: string | undefined;
}

/** A user took back what they had allowed, or changed what they are called. */
export interface UserDataEvent extends EventCommon {
  event: 'user_info_modified' | 'user_authorization_revoke' | 'user_authorization_cancellation';
  /** OpenID: the user that it is about. */
  subject: string;
  revokeInfo?: string | undefined;
}

/** An article was published, or not. The reference has both names. */
export interface PublishFinishEvent extends EventCommon {
  event: 'publishjobfinish' | 'freepublishjobfinish';
  publishId: string;
}

/** The verification of the account came to something. */
export interface VerificationEvent extends EventCommon {
  event:
    | 'qualification_verify_success'
    | 'qualification_verify_fail'
    | 'naming_verify_success'
    | 'naming_verify_fail'
    | 'annual_renew'
    | 'verify_expired';
  /** Unix seconds, as text. */
  expiredTime?: string | undefined;
  failTime?: string | undefined;
}

export type BusinessEvent =
  | CardEvent
  | CardReviewEvent
  | CardStockEvent
  | CardOrderEvent
  | CardMerchantEvent
  | InvoiceEvent
  | UserDataEvent
  | PublishFinishEvent
  | VerificationEvent;

/** @returns undefined for an event that is none of these */
export function toBusinessEvent(base: EventCommon): BusinessEvent | undefined {
  const { fields } = base;
  const optional = (field: string) => textField(fields, field) || undefined;
  const field = (name: string) => textField(fields, name) ?? '';
  const name = base.name as BusinessEvent['event'];
  switch (name) {
    case 'user_get_card':
    case 'user_gifting_card':
    case 'user_del_card':
    case 'user_consume_card':
    case 'user_view_card':
    case 'user_enter_session_from_card':
    case 'user_pay_from_pay_cell':
    case 'update_member_card':
    case 'submit_membercard_user_info':
      return {
        ...base,
        event: name,
        cardId: field('CardId'),
        userCardCode: field('UserCardCode'),
        friendUserName: optional('FriendUserName'),
        isReturnBack: optional('IsReturnBack'),
        verifyCode: optional('VerifyCode'),
        outerStr: optional('OuterStr'),
        transId: optional('TransId'),
        modifyBonus: optional('ModifyBonus'),
        modifyBalance: optional('ModifyBalance'),
      };
    case 'card_pass_check':
    case 'card_not_pass_check':
      return { ...base, event: name, cardId: field('CardId') };
    case 'card_sku_remind':
      return { ...base, event: name, cardId: field('CardId'), detail: optional('Detail') };
    case 'card_pay_order':
      return { ...base, event: name, orderId: field('OrderId') };
    case 'card_merchant_check_result':
      return { ...base, event: name, merchantId: field('MerchantId') };
    case 'user_authorize_invoice':
      return {
        ...base,
        event: name,
        succOrderId: optional('SuccOrderId'),
        failOrderId: optional('FailOrderId'),
      };
    case 'user_info_modified':
    case 'user_authorization_revoke':
    case 'user_authorization_cancellation':
      return { ...base, event: name, subject: field('OpenID'), revokeInfo: optional('RevokeInfo') };
    case 'publishjobfinish':
    case 'freepublishjobfinish': {
      const publishId = textField(nestedFields(fields, 'PublishEventInfo'), 'publish_id') ?? '';
      return { ...base, event: name, publishId };
    }
    case 'qualification_verify_success':
    case 'qualification_verify_fail':
    case 'naming_verify_success':
    case 'naming_verify_fail':
    case 'annual_renew':
    case 'verify_expired':
      return { ...base, event: name, expiredTime: optional('ExpiredTime'), failTime: optional('FailTime') };
    default:
      return undefined;
  }
}
