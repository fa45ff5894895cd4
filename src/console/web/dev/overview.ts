import type { Now } from '../../contract/overview.js';
import { minutesAgo, ok } from './routes.js';

const now = (): Now => ({
  at: new Date().toISOString(),
  waiting: 1_284 + Math.floor(Math.random() * 20),
  oldestMs: 754_000,
  withAgent: 3,
  backlog: [
    { account: 'wx1234567890abcdef', state: 'ready', messages: 84, oldestMs: 4_200 },
    { account: 'wxfedcba0987654321', state: 'delayed', messages: 1_200, oldestMs: 754_000 },
  ],
  minutes: Array.from({ length: 60 }, (_, at) => ({
    at: minutesAgo(59 - at),
    received: Math.round(40 + 20 * Math.sin(at / 6) + Math.random() * 10),
    sent: Math.round(38 + 20 * Math.sin((at - 1) / 6) + Math.random() * 10),
    failed: at > 40 && at < 48 ? Math.round(Math.random() * 12) : 0,
  })),
  answerMs: { p50: 1_840, p95: 12_300 },
  workers: [
    {
      id: 11,
      hostname: 'node-a.internal',
      pid: 4121,
      startedAt: minutesAgo(190),
      heartbeatMs: 900,
      holds: 14,
      missing: false,
    },
    {
      id: 12,
      hostname: 'node-b-with-a-name-that-is-rather-long.example.internal',
      pid: 17,
      startedAt: minutesAgo(3),
      heartbeatMs: 47_000,
      holds: 3,
      missing: true,
    },
  ],
  noWorker: process.env.CONSOLE_FAKE_NO_WORKER === '1',
  pauses: [
    {
      account: 'wxfedcba0987654321',
      reason: 'daily_quota',
      code: 45009,
      error: 'reach max api daily quota limit rid: 65a1b2c3-4d5e6f70-1a2b3c4d <img src=x onerror=alert(1)>',
      remedy: 'Wait for midnight (Beijing), or clear the quota once on mp.weixin.qq.com.',
      since: minutesAgo(42),
      probeAt: minutesAgo(-18),
      waiting: 1_200,
    },
  ],
});

export const overviewRoutes = {
  'GET now': () => ok(now()),
  'GET accounts/:appId/quota': () => ok({ daily: 500_000, used: 412_000, remaining: 88_000 }),
  'POST accounts/:appId/resume': () => ok(),
  'POST accounts/:appId/pause': () => ok(),
};
