import { busiest, main, rare, resting, waiting } from './console-history.ts';
import type { Lab } from './lab.ts';

/** A call that a page of the console makes. */
export interface Page {
  path: string;
  body?: unknown;
  /** Reads what no index can hold: it may take 5 s, and be refused with words. */
  isLong?: boolean;
  /** Between two calls, where an answer is kept for a moment. In ms. */
  pauseMs?: number;
}

/** Of what is there, to ask for. */
interface Samples {
  /** Ids of messages: the busiest user's last, one that failed, one that waits, one of half a year ago. */
  messages: string[];
  /** Somebody who wrote some messages. */
  openid: string;
  /** In the middle of the table. */
  middle: string;
}

const account = `account=${main.appId}`;
const ago = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
const between = (from: number, to: number) => `since=${ago(from)}&until=${ago(to)}`;
const halfAYearAgo = between(190, 183);

/** One that is in every hundredth message, and one that is in none. */
const [oftenSaid, neverSaid] = ['退款', '没有人说过这句话'].map(encodeURIComponent);

export async function pagesOf(lab: Lab): Promise<Page[]> {
  const { messages, openid, middle } = await readSamples(lab);
  const listed = [
    ...messageFilters(openid, middle).map((filter) => `/messages?${filter}`),
    ...deliveryFilters(openid, middle).map((filter) => `/deliveries?${filter}`),
    ...messages.map((id) => `/messages/${id}`),
    ...whys(openid),
    ...conversations(openid),
    ...[
      '/actions',
      '/actions?before=20000',
      '/actions?actor=boss',
      '/actions?action=requeue',
      '/actions?actor=nobody',
    ],
    ...[
      '/users',
      '/saved-answers',
      '/session',
      `/analytics?${between(1, 0)}`,
      ...[3, 7, 30].map((days) => `/analytics?${between(days, 0)}`),
    ],
    `/analytics?${account}&${between(1, 0)}`,
  ];
  return [
    ...listed.map((path) => ({ path })),
    ...['/now', '/accounts'].map((path) => ({ path, pauseMs: 2_100 })),
    ...['failed', 'expired'].map((state) => ({
      path: '/bulk/preview',
      body: { action: 'requeue', filter: { state, since: ago(1) } },
    })),
    ...[`/analytics?${between(365, 0)}`, `/analytics?${between(365, 0)}&table=series&format=csv`].map(
      (path) => ({
        ...{ path, isLong: true },
      }),
    ),
    ...[
      `/messages?text=${neverSaid}&${between(365, 0)}`,
      `/deliveries?text=${neverSaid}&${between(365, 0)}`,
    ].map((path) => ({
      ...{ path, isLong: true },
    })),
  ];
}

const texts = [`text=${oftenSaid}`, `text=${neverSaid}`, `text=${neverSaid}&${account}`];

const messageFilters = (openid: string, middle: string) => [
  ...[
    '',
    `before=${middle}&since=${ago(365)}`,
    'state=received',
    'state=answering',
    'state=with_agent',
    'state=settled',
    'state=failed',
  ],
  ...['state=received,failed', account, `account=${rare.appId}`, `account=${rare.appId}&state=settled`],
  ...[
    'type=text',
    'type=event',
    'type=event:click',
    'type=event:unsubscribe',
    'type=shortvideo',
    `type=voice&${account}`,
  ],
  ...[
    `openid=${openid}`,
    `openid=${busiest.openid}`,
    `openid=${busiest.openid}&state=failed`,
    'openid=oNobody',
  ],
  ...[...texts, `text=${oftenSaid}&openid=${busiest.openid}`],
  ...[
    halfAYearAgo,
    `${halfAYearAgo}&state=failed`,
    `state=failed&since=${ago(365)}`,
    `state=with_agent&since=${ago(365)}`,
  ],
];

const deliveryFilters = (openid: string, middle: string) => [
  ...[
    '',
    `before=${middle}&since=${ago(365)}`,
    'state=pending',
    'state=sending',
    'state=sent',
    'state=failed',
    'state=expired',
  ],
  ...['state=unknown', 'state=cancelled', 'state=failed,expired,unknown', `state=failed&${account}`, account],
  ...[
    `account=${rare.appId}`,
    'code=45002',
    'code=45015',
    'code=99999',
    'type=text',
    'type=news',
    'type=video',
  ],
  ...[`openid=${openid}`, `openid=${busiest.openid}`, `openid=${busiest.openid}&state=failed`],
  ...[
    ...texts,
    halfAYearAgo,
    `${halfAYearAgo}&state=sent`,
    `state=failed&since=${ago(365)}`,
    `code=43004&since=${ago(365)}`,
  ],
];

const whys = (openid: string) => [
  `/why?account=${busiest.appId}&openid=${busiest.openid}`,
  `/why?${account}&openid=${openid}`,
  `/why?account=${waiting.appId}&openid=o7`,
  `/why?${account}&openid=oNobody`,
];

const conversations = (openid: string) =>
  [
    ...[
      '',
      `?${account}`,
      `?account=${rare.appId}`,
      '?state=waiting',
      '?state=taken',
      '?state=bot',
      '?state=quiet',
    ],
    ...[
      '?mine=1',
      '?unread=1',
      `?q=${busiest.openid}`,
      '?q=Busi',
      '?q=oDesk12',
      '?q=nobody',
      `?account=${resting.appId}&state=quiet`,
    ],
  ]
    .map((query) => `/conversations${query}`)
    .concat([
      `/conversations/${busiest.appId}/${busiest.openid}`,
      `/conversations/${busiest.appId}/${busiest.openid}?before=100000&limit=100`,
      `/conversations/${main.appId}/${openid}`,
      `/conversations/${waiting.appId}/o7`,
    ]);

async function readSamples({ pool }: Lab): Promise<Samples> {
  const { rows } = await pool.query<
    { openid: string; middle: string } & Record<'last' | 'failed' | 'open', string>
  >(
    `select (select max(id) from wechat.inbound_message where app_id = $1 and openid = $2)::text as last,
       (select max(id) from wechat.inbound_message where app_id = $1 and failed)::text as failed,
       (select max(id) from wechat.inbound_message)::text as open,
       (select max(id) / 2 from wechat.inbound_message)::text as middle,
       (select openid from wechat.inbound_message
        where app_id = $1 and openid like 'oDesk%' and id > (select max(id) / 2 from wechat.inbound_message) order by id limit 1) as openid`,
    [busiest.appId, busiest.openid],
  );
  const [row] = rows;
  if (!row) throw new Error('There is no history');
  return { messages: [row.last, row.failed, row.open, row.middle], openid: row.openid, middle: row.middle };
}
