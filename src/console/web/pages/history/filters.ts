import type { HistoryQuery } from '../../../contract/history.js';
import type { Filters } from '../../use/query-filters.js';

/** All that filters a list, and stands in the address of its page. */
export const historyKeys = [
  'account',
  'state',
  'code',
  'type',
  'openid',
  'text',
  'since',
  'until',
  'before',
] as const satisfies readonly (keyof HistoryQuery)[];
export type HistoryKey = (typeof historyKeys)[number];

/** What a change of many by filter is told: all that matches, not from one row on. */
export function toHistoryQuery(filters: Filters<HistoryKey>): HistoryQuery {
  const { code, before: _before, ...others } = filters;
  return code === undefined ? others : { ...others, code: Number(code) };
}

/** Suggested; events as they are stored, in lower case. */
export const messageTypes = [
  'text',
  'image',
  'voice',
  'video',
  'shortvideo',
  'location',
  'link',
  'event',
  'event:subscribe',
  'event:unsubscribe',
  'event:scan',
  'event:click',
  'event:view',
  'event:location',
] as const;
