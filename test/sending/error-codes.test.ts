import { describe, expect, test } from 'vitest';
import { errorCodes } from '../../src/wechat/out/errors.js';
import { type Stage, setStage, settled } from '../support/stage.js';
import { waitFor } from '../support/wait.js';

/** What becomes of the two messages of a reply when the first call for it is refused with a code of this class. */
const effects = {
  token: {
    outcome: 'token',
    deliveries: [
      { status: 'sent', attempts: 2, failures: 0 },
      { status: 'sent', attempts: 1, failures: 0 },
    ],
  },
  transient: {
    outcome: 'transient',
    deliveries: [
      { status: 'sent', attempts: 2, failures: 1 },
      { status: 'sent', attempts: 1, failures: 0 },
    ],
  },
  permanent: {
    outcome: 'permanent',
    deliveries: [
      { status: 'failed', attempts: 1, failures: 0 },
      { status: 'sent', attempts: 1, failures: 0 },
    ],
  },
  user: {
    outcome: 'permanent',
    deliveries: [
      { status: 'failed', attempts: 1, failures: 0 },
      { status: 'failed', attempts: 0, failures: 0 },
    ],
  },
  window: {
    outcome: 'permanent',
    deliveries: [
      { status: 'expired', attempts: 1, failures: 0 },
      { status: 'expired', attempts: 0, failures: 0 },
    ],
  },
  resting: {
    outcome: 'throttled',
    deliveries: [
      { status: 'sent', attempts: 2, failures: 0 },
      { status: 'sent', attempts: 1, failures: 0 },
    ],
  },
} as const;

const ofClass = {
  token: effects.token,
  transient: effects.transient,
  media: effects.permanent, // the media_id is the reply logic's own: nothing to upload again
  permanent: effects.permanent,
  user: effects.user,
  window: effects.window,
  throttled: effects.resting,
  account: effects.resting,
};

const isResting = ({ errorClass }: (typeof errorCodes)[number]) =>
  errorClass === 'throttled' || errorClass === 'account';

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
}

async function effectOf({ database }: Stage, openid: string) {
  const [first] = await database.rows<{ outcome: string; errcode: number }>(
    `select a.outcome, a.errcode from wechat.delivery_attempt a join wechat.delivery d on d.id = a.delivery_id
     where d.openid = $1 and d.position = 1 and a.attempt = 1`,
    [openid],
  );
  const deliveries = await database.rows(
    'select status, attempts, failures from wechat.delivery where openid = $1 order by position',
    [openid],
  );
  return { ...first, deliveries };
}

describe('each return code of the table', () => {
  test('that is about a token, a message or a user has the effect of its class', async () => {
    const stage = await setStage();
    const { simulator, database, start } = stage;
    const codes = errorCodes.filter((row) => !isResting(row));
    await start({ replies: () => ['one', 'two'] });
    for (const { errcode } of codes) simulator.faults.add({ openid: `o${errcode}`, fault: { errcode } });
    // A token is every user's: those that end one follow each other.
    const [single, several] = partition(codes, ({ errorClass }) => errorClass === 'token');
    await Promise.all(several.map(({ errcode }) => simulator.user(`o${errcode}`).say('hello')));
    await settled(database, several.length);
    for (const [index, { errcode }] of single.entries()) {
      await simulator.user(`o${errcode}`).say('hello');
      await settled(database, several.length + index + 1);
    }
    for (const { errcode, errorClass } of codes) {
      const { outcome, deliveries } = ofClass[errorClass];
      expect({ errcode, ...(await effectOf(stage, `o${errcode}`)) }).toEqual({
        errcode,
        outcome,
        deliveries,
      });
    }
  });

  // One of each kind: what the others come to is a matter of the table and of decide, which look at all.
  test.each(errorCodes.filter(({ errcode }) => [40164, 43003, 48001, 65400, 45009, 45011].includes(errcode)))(
    'that is about the account pauses it: $errcode, $reason',
    async ({ errcode, errorClass }) => {
      const stage = await setStage();
      const { account, simulator, database, start } = stage;
      await start({ replies: () => ['one', 'two'] });
      simulator.faults.add({ fault: { errcode } });
      await simulator.user('oUser').say('hello');
      const [pause] = await waitFor('the pause', async () => {
        const rows = await database.rows<Record<string, unknown>>(
          'select app_id, reason, errcode from wechat.account_pause',
        );
        return rows.length > 0 && rows;
      });
      const reason =
        errorClass === 'account' ? 'account' : errcode === 45011 ? 'minute_quota' : 'daily_quota';
      expect(pause).toEqual({ app_id: account.appId, reason, errcode });
      await database.pool.query('select wechat.resume($1)', [account.appId]);
      await settled(database, 1);
      const { outcome, deliveries } = effects.resting;
      expect(await effectOf(stage, 'oUser')).toEqual({ errcode, outcome, deliveries });
    },
  );

  test('and one that is in no table is tried a few times, then given up with the code on record', async () => {
    const { simulator, database, start } = await setStage();
    await start({ replies: () => ['one', 'two'] });
    simulator.faults.add({ times: 5, fault: { errcode: 99_999, errmsg: 'new in 2027 rid: 1' } });
    await simulator.user('oUser').say('hello');
    await settled(database, 1);
    expect(
      await database.rows('select status, attempts, errcode, errmsg from wechat.delivery order by position'),
    ).toEqual([
      { status: 'failed', attempts: 5, errcode: 99_999, errmsg: 'new in 2027 rid: 1' },
      { status: 'sent', attempts: 1, errcode: 0, errmsg: 'ok' },
    ]);
  });
});
