import { z } from 'zod';
import { deliveryStates } from '../../../history/deliveries.js';
import type { ListFilter } from '../../../history/filter.js';
import * as input from '../http/input.js';
import { badRequest } from '../http/refusal.js';

/** As they are called here: `settled` leaves out what was left to a person. */
export const consoleMessageStates: readonly string[] = [
  'received',
  'answering',
  'with_agent',
  'settled',
  'failed',
];

/** HistoryQuery but for its page, of messages and deliveries alike. */
export const filterShape = {
  account: input.shortText.optional(),
  /** One, or several with commas between. */
  state: input.shortText.optional(),
  code: z
    .union([z.number().int(), z.string().regex(/^-?\d{1,9}$/)])
    .transform(Number)
    .optional(),
  type: z
    .string()
    .regex(/^\w{1,40}(:\w{1,60})?$/)
    .optional(),
  openid: input.shortText.optional(),
  text: input.shortText.optional(),
  since: input.time.optional(),
  until: input.time.optional(),
};

export const pageShape = { ...filterShape, before: input.id.optional(), limit: input.limit(50) };

const filterSchema = z.strictObject(filterShape);
export type Filter = z.output<typeof filterSchema>;

const defaultDays = 30;
/** Each message of the time is read for a text. */
const defaultDaysOfText = 7;
const dayMs = 86_400_000;

/** What a user wrote is found by their own index, however long ago. All else is of the last days, unless told. */
function sinceOf({ since, openid, text }: Filter): Date {
  if (since) return since;
  if (openid !== undefined) return new Date(0);
  return new Date(Date.now() - (text === undefined ? defaultDays : defaultDaysOfText) * dayMs);
}

export function toFilter(
  { account, code, type, openid, text, until, ...rest }: Filter,
  limit: number,
): ListFilter {
  return { account, code, type, openid, text, until, since: sinceOf({ openid, text, ...rest }), limit };
}

export const noSuchState = (known: readonly string[]) =>
  badRequest(`Choose among the states ${known.join(', ')}.`, `可选的状态：${known.join('、')}。`);

/** @throws Refusal where one is none of these */
export function statesAsked(
  state: string | undefined,
  known: readonly string[],
): readonly string[] | undefined {
  if (state === undefined) return undefined;
  const asked = state.split(',');
  if (!asked.every((one) => known.includes(one))) throw noSuchState(known);
  return asked;
}

export function deliveryFilter(
  filter: Filter,
  limit: number,
  otherwise: readonly string[] = deliveryStates,
): ListFilter {
  const states = statesAsked(filter.state, deliveryStates) ?? otherwise;
  return { ...toFilter(filter, limit), states };
}

export function messageFilter(
  filter: Filter,
  limit: number,
  otherwise: readonly string[] = consoleMessageStates,
): ListFilter {
  if (filter.code !== undefined) throw input.badInput(['code']);
  const asked = statesAsked(filter.state, consoleMessageStates) ?? otherwise;
  const [settled, withAgent] = [asked.includes('settled'), asked.includes('with_agent')];
  const states = asked.filter((one) => one !== 'with_agent' && one !== 'settled');
  if (settled || withAgent) states.push('settled');
  return {
    ...toFilter(filter, limit),
    states,
    forAgent: settled && withAgent ? undefined : settled ? false : withAgent ? true : undefined,
  };
}
