/** The states of messages and deliveries, and every transition between them. Drawn in docs/states.md. */

export const messageStatuses = ['received', 'settled', 'failed'] as const;
export type MessageStatus = (typeof messageStatuses)[number];

export const deliveryStatuses = [
  'pending',
  'sending',
  'sent',
  'failed',
  'expired',
  'unknown',
  'cancelled',
] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

export type AttemptOutcome = 'sent' | 'token' | 'transient' | 'throttled' | 'permanent' | 'unknown';
