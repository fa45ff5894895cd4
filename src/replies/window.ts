import type { InboundMessage } from '../wechat/message.js';

/** How long, and with how many messages, a user's action may be answered. */
export interface ReplyWindow {
  endsAt: Date;
  quota: number;
}

const second = 1_000;
const hour = 3_600 * second;

interface Allowance {
  quota: number;
  forMs: number;
}

const message: Allowance = { quota: 5, forMs: 48 * hour };
const oneMinute: Allowance = { quota: 3, forMs: 60 * second };

/** Which events open a window, and which. Source: the customer-service guide, numbers of 2023. */
const events: Readonly<Record<string, Allowance>> = {
  subscribe: oneMinute,
  scan: oneMinute,
  click: oneMinute,
  scancode_push: oneMinute,
  scancode_waitmsg: oneMinute,
};

/** The window that this message opens, or undefined for an event that opens none (VIEW, LOCATION, …). */
export function replyWindow(inbound: InboundMessage): ReplyWindow | undefined {
  const allowance = allowanceOf(inbound);
  if (!allowance) return undefined;
  return { endsAt: new Date(inbound.createTime * second + allowance.forMs), quota: allowance.quota };
}

function allowanceOf(inbound: InboundMessage): Allowance | undefined {
  if (inbound.kind === 'event') return events[inbound.name];
  // A tap on an entry of a menu message arrives as text, and counts as a menu click.
  if (inbound.kind === 'text' && inbound.menuId !== undefined) return oneMinute;
  return message;
}
