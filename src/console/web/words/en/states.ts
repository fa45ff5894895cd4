/** Words for the states that the server names. */
export const states = {
  message: {
    received: 'received',
    answering: 'being answered',
    with_agent: 'with a person',
    settled: 'settled',
    failed: 'failed',
  },
  delivery: {
    pending: 'waiting',
    sending: 'being sent',
    sent: 'sent',
    failed: 'failed',
    expired: 'expired',
    unknown: 'unknown',
    cancelled: 'cancelled',
  },
  outcome: {
    running: 'running',
    sent: 'sent',
    token: 'token refused',
    transient: 'try again',
    throttled: 'throttled',
    permanent: 'refused for good',
    unknown: 'unknown',
  },
  conversation: {
    waiting: 'waits for a person',
    taken: 'taken over',
    bot: 'with the bot',
    quiet: 'quiet',
  },
  pause: {
    minute_quota: 'quota of the minute used up',
    daily_quota: 'quota of the day used up',
    account: 'WeChat refuses the account',
    operator: 'paused by a person',
  },
  role: {
    viewer: 'viewer',
    agent: 'agent',
    analyst: 'analyst',
    operator: 'operator',
    admin: 'admin',
  },
  origin: { reply: 'reply logic', operator: 'operator', agent: 'agent' },
} as const;
