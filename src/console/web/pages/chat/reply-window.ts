import type { Conversation } from '../../../contract/conversations.js';

export type WindowState =
  | { kind: 'none' }
  | { kind: 'past'; endsAt: string }
  | { kind: 'used_up'; leftMs: number; quota: number }
  | { kind: 'open'; leftMs: number; left: number | null; quota: number | null };

/** What may still be sent, with `underWay` pieces of this page that the server has not counted yet. */
export function windowState(window: Conversation['window'], now: number, underWay: number): WindowState {
  if (!window) return { kind: 'none' };
  const leftMs = Date.parse(window.endsAt) - now;
  if (leftMs <= 0) return { kind: 'past', endsAt: window.endsAt };
  if (window.quota === null) return { kind: 'open', leftMs, left: null, quota: null };
  const left = window.quota - window.used - underWay;
  return left > 0
    ? { kind: 'open', leftMs, left, quota: window.quota }
    : { kind: 'used_up', leftMs, quota: window.quota };
}

/** `41:07:59`, `07:59`: with its seconds, for it is looked at while one writes. */
export function clockOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3_600);
  const rest = `${two(Math.floor((seconds % 3_600) / 60))}:${two(seconds % 60)}`;
  return hours > 0 ? `${two(hours)}:${rest}` : rest;
}
