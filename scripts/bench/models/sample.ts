import type { Arrival, Query } from './model.ts';

/** What every message is answered with. */
export const hello = JSON.stringify({ msgtype: 'text', text: { content: 'hello' } });

export function sentNow(): { startedAt: string; finishedAt: string } {
  const finishedAt = Date.now();
  return {
    startedAt: new Date(finishedAt - 100).toISOString(),
    finishedAt: new Date(finishedAt).toISOString(),
  };
}

/** As the webhook makes them of a short text. No two runs have a message in common. */
export function sampleArrivals(count: number, users: number): Arrival[] {
  const seconds = Math.floor(Date.now() / 1_000);
  return Array.from({ length: count }, (_, index) => {
    const openid = `oUser-0123456789-${String(index % users).padStart(8, '0')}`;
    const msgId = `24${String(index).padStart(15, '0')}`;
    const content = '你好，请问怎么退款？';
    return {
      app_id: 'wx000000000bench',
      openid,
      dedupe_key: `msg:${msgId}`,
      msg_type: 'text',
      content,
      create_time: seconds,
      payload: {
        ToUserName: 'gh_bench',
        FromUserName: openid,
        CreateTime: String(seconds),
        MsgType: 'text',
        Content: content,
        MsgId: msgId,
      },
      window_ends_at: seconds + 48 * 3_600,
      window_quota: 5,
      request_id: `req-${index}`,
    };
  });
}

/** @param key under which the jobs' payloads have their ids */
export async function namedByJobs(query: Query, key: string): Promise<string[][]> {
  const rows = await query<{ ids: string[] }>(
    'named',
    'select payload -> $1 as ids from graphile_worker._private_jobs order by id',
    [key],
  );
  return rows.map(({ ids }) => ids);
}
