const dayMs = 86_400_000;
/** WeChat's days begin at midnight in China, which keeps UTC+8 all year. */
const shanghaiOffsetMs = 8 * 3_600_000;

/** The day in Shanghai, as a number that grows by one at each midnight there. */
export function shanghaiDay(time: Date): number {
  return Math.floor((time.getTime() + shanghaiOffsetMs) / dayMs);
}

/** To the next midnight there, when daily quotas begin anew. */
export function untilShanghaiMidnightMs(time: Date): number {
  return dayMs - ((time.getTime() + shanghaiOffsetMs) % dayMs);
}
