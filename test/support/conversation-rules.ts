import type { Call, Seen, WorldOptions } from './conversation-model.js';
import type { TestDatabase } from './database.js';

/** What the database says, in the order in which replies are to leave. */
export interface State {
  messages: { id: number; openid: string; settled: boolean }[];
  lanes: { id: number; openid: string; claim: string | null; doneId: number }[];
  deliveries: {
    id: number;
    messageId: number;
    openid: string;
    position: number;
    payload: string;
    status: string;
    attempts: number;
  }[];
  /** `doubted`: its late end replaced an unknown outcome. */
  attempts: { deliveryId: number; attempt: number; outcome: string; doubted: boolean }[];
}

const stateSql = `
  select
    (select coalesce(json_agg(json_build_object('id', id, 'openid', openid,
       'settled', settled_at is not null) order by id), '[]')
     from wechat.inbound_message) as messages,
    (select coalesce(json_agg(json_build_object('id', id, 'openid', openid, 'claim', claim::text, 'doneId', done_id)), '[]')
     from wechat.lane) as lanes,
    (select coalesce(json_agg(json_build_object('id', id, 'messageId', message_id, 'openid', openid,
       'position', position, 'payload', payload::text, 'status', status, 'attempts', attempts)
       order by message_id, position), '[]')
     from wechat.delivery) as deliveries,
    (select coalesce(json_agg(json_build_object('deliveryId', delivery_id, 'attempt', attempt, 'outcome', outcome,
       'doubted', corrected_at is not null)), '[]')
     from wechat.delivery_attempt) as attempts`;

/** @returns to be called after every change; throws with the rule that is broken */
export function createRules(database: TestDatabase, onUnknown: WorldOptions['onUnknown']) {
  let before: State | undefined;
  let checkedCalls = 0;
  return async (seen: Seen): Promise<void> => {
    const [state] = await database.rows<State>(stateSql);
    if (!state) return;
    checkStoredOnce(state, seen);
    checkFence(state, seen);
    if (before) checkUnchanged(before, state, seen);
    for (let index = checkedCalls; index < seen.calls.length; index += 1)
      checkOrder(state, seen, index, onUnknown);
    checkOnce(state, seen);
    before = state;
    checkedCalls = seen.calls.length;
  };
}

function ensure(holds: boolean, rule: string, ...evidence: unknown[]): void {
  if (!holds) throw new Error(`${rule}: ${JSON.stringify(evidence)}`);
}

const isFinal = (status: string) => status !== 'pending' && status !== 'sending';

function checkStoredOnce({ messages }: State, { pushes }: Seen): void {
  const distinct = new Set(pushes.map(({ msgId }) => msgId)).size;
  const stored = pushes.filter(({ result }) => result === 'stored').length;
  ensure(messages.length === distinct && stored === distinct, 'not stored once', messages, pushes);
}

function checkFence({ messages, lanes, deliveries }: State, { held, requeued, verdicts }: Seen): void {
  const unsettled = messages.filter(({ settled }) => !settled);
  for (const { id, openid } of unsettled) {
    const lane = lanes.find((one) => one.openid === openid);
    ensure(
      lane !== undefined && lane.doneId < id,
      'an open message has no lane, or is below its cursor',
      id,
      lane,
    );
  }
  for (const lane of lanes.filter(({ claim }) => claim !== null)) {
    const hands = held().filter(({ laneId, claim }) => laneId === lane.id && claim === lane.claim);
    ensure(hands.length <= 1, 'a lane is twice in hand', lane, hands);
    const [hand] = hands;
    if (!hand || !unsettled.some(({ id }) => id === hand.messageId)) continue;
    const earlier = unsettled.find(
      ({ id, openid }) => openid === lane.openid && id < hand.messageId && !requeued.messages.has(id),
    );
    ensure(!earlier, 'a message is in hand before an earlier one is settled', hand, earlier);
  }
  const settled = new Set(messages.filter((message) => message.settled).map(({ id }) => id));
  const open = deliveries.find(({ messageId, status }) => settled.has(messageId) && !isFinal(status));
  ensure(!open, 'a message is settled, and a delivery of it is not', open);
  const usurped = verdicts.find(({ late, written }) => late && written);
  ensure(!usurped, 'a delivery was given up by a worker whose message it was no longer', usurped);
}

function checkUnchanged(before: State, state: State, { requeued }: Seen): void {
  const known = new Set(before.deliveries.map(({ messageId }) => messageId));
  const plans = ({ deliveries }: State) =>
    deliveries
      .filter(({ messageId }) => known.has(messageId))
      .map(({ messageId, id, position, payload }) => `${messageId}: ${id}, ${position}, ${payload}`)
      .join('\n');
  ensure(plans(state) === plans(before), 'a plan was changed', plans(before), plans(state));
  const now = new Map(state.deliveries.map(({ id, status }) => [id, status]));
  const changed = before.deliveries.find(
    ({ id, status }) =>
      isFinal(status) &&
      now.get(id) !== status &&
      !requeued.deliveries.has(id) &&
      !(status === 'unknown' && isDoubted(state, id)),
  );
  ensure(!changed, 'a final result was changed', changed);
}

/** It was unknown what came of it, until a late end told. */
function isDoubted({ attempts }: State, delivery: number): boolean {
  return attempts.some(({ deliveryId, doubted }) => deliveryId === delivery && doubted);
}

function checkOrder(
  state: State,
  { calls, requeued }: Seen,
  index: number,
  onUnknown: WorldOptions['onUnknown'],
): void {
  const call = calls[index];
  if (!call) return;
  const { deliveries } = state;
  const before = calls.slice(0, index);
  const placeOf = ({ deliveryId }: Call) => deliveries.findIndex(({ id }) => id === deliveryId);
  const own = deliveries[placeOf(call)];
  const overtaken = before.find(
    (other) => placeOf(other) > placeOf(call) && deliveries[placeOf(other)]?.openid === own?.openid,
  );
  if (overtaken && !requeued.deliveries.has(call.deliveryId)) {
    ensure(call.late, 'a reply was called after one that follows it', call, overtaken);
    const isDuplicate = before.some(({ deliveryId }) => deliveryId === call.deliveryId);
    const isHeld =
      onUnknown === 'hold' && own && (own.status === 'unknown' || isDoubted(state, call.deliveryId));
    ensure(
      isDuplicate || isHeld === true,
      'a late call came after one that follows it, as the first',
      call,
      overtaken,
    );
  }
  const alsoLate = before.find(
    ({ late, workerId, messageId }) => late && workerId === call.workerId && messageId === call.messageId,
  );
  ensure(!call.late || !alsoLate, 'two calls for a message that was no longer its own', alsoLate, call);
}

/** Outcomes after which another attempt may follow. */
const mayGoOn = ['unknown', 'transient', 'token', 'throttled'];

function checkOnce({ deliveries, attempts }: State, { calls, requeued }: Seen): void {
  const key = (deliveryId: number, attempt: number) => `delivery ${deliveryId}, attempt ${attempt}`;
  const outcomes = new Map(attempts.map((row) => [key(row.deliveryId, row.attempt), row]));
  const called = new Map(calls.map((call) => [key(call.deliveryId, call.attempt), call]));
  ensure(called.size === calls.length, 'an attempt was called twice', calls);
  for (const { id, status, attempts: latest } of deliveries) {
    for (let attempt = 1; attempt <= latest; attempt += 1) {
      const name = key(id, attempt);
      const [ended, call] = [outcomes.get(name), called.get(name)];
      const { outcome, doubted = false } = ended ?? {};
      const isUnderWay = attempt === latest && status === 'sending';
      ensure(!call || outcome !== undefined || isUnderWay, 'a call is not on record', name);
      if (attempt === latest) continue;
      const goesOn = doubted || mayGoOn.includes(outcome ?? '');
      const isAnew = outcome === 'permanent' && requeued.deliveries.has(id);
      ensure(goesOn || isAnew, 'tried again, though it had come to an end', name, outcome);
      ensure(
        !call?.accepted || doubted || outcome === 'unknown',
        'sent again, and not in doubt',
        name,
        outcome,
      );
    }
    const accepted = calls.some((call) => call.deliveryId === id && call.accepted);
    ensure(status !== 'sent' || accepted, 'it says sent, and was not', id);
  }
}
