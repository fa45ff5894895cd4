import type { InboundMessage } from './message.js';

/** How long, and with how many messages, a user's action may be answered. */
export interface ReplyWindow {
  endsAt: Date;
  quota: number;
}

export interface Allowance {
  quota: number;
  seconds: number;
}

/** What the platform allows after each kind of action. It changes these numbers now and then: so they are settings. */
export interface WindowRules {
  /** The user sent a message. */
  message: Allowance;
  /** The user clicked a menu entry, or one of a menu message. */
  menu: Allowance;
  subscribe: Allowance;
  /** The user scanned a QR code of the account. */
  scan: Allowance;
}

/** Source: the customer-service guide, numbers of 2023. */
export const defaultWindows: WindowRules = {
  message: { quota: 5, seconds: 48 * 3_600 },
  menu: { quota: 3, seconds: 60 },
  subscribe: { quota: 3, seconds: 60 },
  scan: { quota: 3, seconds: 60 },
};

/** Which events open a window, and as what. Menu entries of other types (VIEW and the like) open none. */
const events: Readonly<Record<string, keyof WindowRules>> = {
  subscribe: 'subscribe',
  scan: 'scan',
  click: 'menu',
  scancode_push: 'menu',
  scancode_waitmsg: 'menu',
};

/** The window that this message opens, or undefined for an event that opens none (VIEW, LOCATION, …). */
export function replyWindow(inbound: InboundMessage, rules: WindowRules): ReplyWindow | undefined {
  const action = actionOf(inbound);
  if (!action) return undefined;
  const { quota, seconds } = rules[action];
  return { endsAt: new Date((inbound.createTime + seconds) * 1_000), quota };
}

function actionOf(inbound: InboundMessage): keyof WindowRules | undefined {
  if (inbound.kind === 'event') return events[inbound.name];
  // A tap on an entry of a menu message arrives as text, and counts as a menu click.
  if (inbound.kind === 'text' && inbound.menuId !== undefined) return 'menu';
  return 'message';
}
